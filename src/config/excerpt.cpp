#include "config/excerpt.h"

#include <algorithm>
#include <string>

#include "base/url.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "config/describe.h"

namespace freshet::config {
namespace {

constexpr std::string_view kBareKey =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr std::size_t kWidest = 160;      ///< columns of a line
constexpr std::size_t kMostBefore = 100;  ///< columns in front of a mistake
constexpr std::size_t kLongestKey = 200;  ///< bytes
constexpr const char* kLeftOut = "…";

/// Values of these are for everybody's eyes.
bool is_plain(std::string_view key) {
  const auto& settings = all_settings();
  return std::any_of(settings.begin(), settings.end(), [&](const SettingInfo& setting) {
    return setting.key == key && setting.kind.find("file") == std::string::npos &&
           setting.kind.find("table") == std::string::npos;
  });
}

std::string_view last_part(std::string_view key) {
  key.remove_prefix(key.rfind('.') + 1);  // npos + 1 is 0
  const std::size_t begin = key.find_first_not_of(" \t");
  const std::size_t end = key.find_last_not_of(" \t");
  return begin == std::string_view::npos ? "" : key.substr(begin, end - begin + 1);
}

bool is_header(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin != std::string_view::npos && line[begin] == '[' &&
         line.find_first_not_of(std::string(kBareKey) + "[]. \t") == std::string_view::npos;
}

/// Where the value of "key = value" begins; npos: the line is none of that simple form.
std::size_t value_of(std::string_view line) {
  const std::size_t equals = line.find('=');
  const std::size_t begin = line.find_first_not_of(" \t");
  if (equals > kLongestKey || begin == equals) {  // npos is longer, too
    return std::string_view::npos;
  }
  const std::size_t end = line.find_last_not_of(" \t", equals - 1) + 1;
  const std::string_view key = line.substr(begin, end - begin);
  if (key.find_first_not_of(std::string(kBareKey) + ".") != std::string_view::npos) {
    return std::string_view::npos;
  }
  return std::min(line.find_first_not_of(" \t", equals + 1), line.size());
}

bool is_path(std::string_view value) {
  const std::string_view text = value.substr(std::min<std::size_t>(1, value.size()));
  const bool quoted = value.starts_with('"') || value.starts_with('\'');
  return quoted && (text.starts_with('/') || text.starts_with("credential:"));
}

/// The line without what could be a secret. Cutting is at the end only, so that columns stay.
std::string without_secrets(std::string_view line, const Diagnostic& problem) {
  if (is_header(line)) {
    return std::string(line);
  }
  const std::size_t value = value_of(line);
  if (value == std::string_view::npos) {
    // Inside a list or a text that began above: the setting it belongs to tells.
    return !problem.key.empty() && is_plain(last_part(problem.key)) ? std::string(line) : "";
  }
  const std::string_view key = last_part(line.substr(0, line.find('=')));
  const bool shown =
      (is_plain(key) && !line.substr(value).starts_with('{')) || is_path(line.substr(value));
  return shown && redact_urls(line) == line ? std::string(line)
                                            : std::string(line.substr(0, value)) + kLeftOut;
}

struct Cell {
  std::string text;
  std::size_t width = 0;
};

std::vector<Cell> cells_of(std::string_view line) {
  constexpr std::size_t kTab = 8;
  std::vector<Cell> cells;
  std::size_t column = 0;
  while (!line.empty()) {
    const std::size_t size = first_character(line).size;
    const bool tab = line.front() == '\t';
    std::string text = tab ? std::string(kTab - column % kTab, ' ') : visible(line.substr(0, size));
    const std::size_t width = tab ? text.size() : display_width(text);
    column += width;
    cells.push_back({std::move(text), width});
    line.remove_prefix(size);
  }
  return cells;
}

/// `begin` and `end` count cells.
Excerpt window(const std::vector<Cell>& cells, std::size_t begin, std::size_t end) {
  Excerpt excerpt;
  std::size_t first = 0;
  for (std::size_t i = 0; i < begin; ++i) {
    excerpt.before += cells[i].width;
  }
  if (excerpt.before > kMostBefore) {
    while (excerpt.before > kMostBefore / 2) {
      excerpt.before -= cells[first++].width;
    }
    excerpt.line = kLeftOut;
    ++excerpt.before;
  }
  std::size_t width = excerpt.line.empty() ? 0 : 1;
  for (std::size_t i = first; i < cells.size(); ++i) {
    if (width + cells[i].width > kWidest) {
      excerpt.line += kLeftOut;
      break;
    }
    width += cells[i].width;
    excerpt.line += cells[i].text;
    excerpt.marked += i >= begin && i < end ? cells[i].width : 0;
  }
  excerpt.marked = std::max<std::size_t>(excerpt.marked, 1);
  return excerpt;
}

Excerpt excerpt_of(std::string_view line, const Diagnostic& problem) {
  const std::string shown = without_secrets(line, problem);
  if (shown.find_first_not_of(" \t") == std::string::npos) {
    return {};
  }
  const std::vector<Cell> cells = cells_of(shown);
  // What was left out is marked where it begins.
  const bool cut = shown.size() < line.size() || shown.ends_with(kLeftOut);
  const std::size_t last = cut ? cells.size() - 1 : cells.size();
  const std::size_t begin = std::min<std::size_t>(problem.column - 1, last);
  return window(cells, begin, std::min<std::size_t>(begin + problem.length, cells.size()));
}

}  // namespace

void add_excerpts(std::vector<Diagnostic>& problems, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  std::uint32_t number = 0;
  std::string_view line;
  for (Diagnostic& problem : problems) {  // in the order of the file
    while (number < problem.line) {
      const std::size_t size = std::min(text.find('\n'), text.size());
      line = text.substr(0, size);
      text.remove_prefix(std::min(size + 1, text.size()));
      ++number;
    }
    if (problem.line != 0 && problem.column != 0) {
      problem.excerpt =
          excerpt_of(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line, problem);
    }
  }
}

}  // namespace freshet::config
