#include "service/status.h"

#include <map>
#include <vector>

#include "base/visible.h"

namespace freshet::service {
namespace {

using state::RepositoryCondition;

constexpr std::size_t kNamed = 3;

/// Those that somebody has to do something about, with why.
std::string named(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kNamed; ++i) {
    text += (i == 0 ? "" : ", ") + words[i];
  }
  if (words.size() > kNamed) {
    text += " and " + std::to_string(words.size() - kNamed) + " more";
  }
  return text.empty() ? "" : " (" + text + ")";
}

}  // namespace

std::string status_line(const state::Store::Snapshot& repositories) {
  const auto counts = state::count_by_condition(repositories);
  std::map<RepositoryCondition, std::vector<std::string>> words;
  for (const auto& state : repositories) {
    const RepositoryCondition condition = state->condition();
    const std::string name = visible(state->name.text());
    if (condition == RepositoryCondition::failing && state->failure) {
      words[condition].push_back(name + ": " +
                                 std::string(to_string(state->failure->error.error_class)));
    } else if (condition == RepositoryCondition::held) {
      words[condition].push_back(name);
    }
  }
  const std::size_t total = repositories.size();
  std::string text = std::to_string(total) + (total == 1 ? " repository" : " repositories");
  std::string separator = ": ";
  using enum RepositoryCondition;
  for (const RepositoryCondition condition :
       {ok, refreshing, pending, lagging, failing, held, paused}) {
    if (counts.at(condition) > 0) {
      text += separator + std::to_string(counts.at(condition)) + " " +
              std::string(to_string(condition)) + named(words[condition]);
      separator = ", ";
    }
  }
  return text;
}

}  // namespace freshet::service
