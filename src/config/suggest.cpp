#include "config/suggest.h"

#include <algorithm>
#include <string>

#include "config/describe.h"

namespace freshet::config {
namespace {

struct Similar {
  std::string_view key;
  std::size_t distance = 0;
};

/// The most similar key, if any is similar enough to be worth a guess.
Similar most_similar(std::string_view key, const std::vector<std::string_view>& known) {
  Similar best{"", std::max<std::size_t>(1, std::min<std::size_t>(key.size() / 3, 4)) + 1};
  for (const std::string_view candidate : known) {
    std::size_t distance = edit_distance(key, candidate);
    if (key.size() >= 3 && candidate.starts_with(std::string(key) + "_")) {
      distance = std::min<std::size_t>(distance, 2);  // "token" for "token_file"
    }
    if (distance < best.distance && distance < key.size()) {
      best = {candidate, distance};
    }
  }
  return best;
}

/// "in [defaults] or in [[repository]]"; empty when no table has such a key.
std::string tables_with(std::string_view key) {
  std::string result;
  for (const SettingInfo& setting : all_settings()) {
    if (setting.key == key && !setting.section.starts_with("defaults.")) {
      result += result.empty() ? "" : " or ";
      result += setting.section.empty() ? "at the top of the file, before the first [table]"
                                        : "in " + setting.header;
    }
  }
  return result;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    current[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(current);
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
  }
  return current[b.size()];
}

void report_unknown_keys(const Node& table, const std::vector<std::string_view>& known,
                         const Report& report) {
  for (const Node& member : table.items) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) {
      continue;
    }
    std::string message = "unknown key `" + member.key + "`";
    const std::string_view bounded = std::string_view(member.key).substr(0, 100);
    const Similar similar = most_similar(bounded, known);
    const std::string elsewhere = tables_with(member.key);
    if (!similar.key.empty() && (similar.distance == 1 || elsewhere.empty())) {
      message += "; did you mean `" + std::string(similar.key) + "`?";
    } else if (!elsewhere.empty()) {
      message += "; it belongs " + elsewhere;
    }
    report.below(member.key).error(member.key_at, message);
  }
}

}  // namespace freshet::config
