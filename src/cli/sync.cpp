#include <algorithm>
#include <set>

#include "app/one_shot.h"
#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "service/loop.h"

namespace freshet::cli {
namespace {

/// nullopt, with a message: one of the names does not exist.
std::optional<std::vector<RepositoryName>> choose(const config::Settings& settings,
                                                  const std::vector<std::string>& names) {
  std::vector<RepositoryName> chosen;
  for (const config::Repository& repository : settings.repositories) {
    if (names.empty() ||
        std::find(names.begin(), names.end(), repository.name.text()) != names.end()) {
      chosen.push_back(repository.name);
    }
  }
  for (const std::string& name : names) {
    if (std::find(chosen.begin(), chosen.end(), RepositoryName(name)) == chosen.end()) {
      std::vector<std::string> known;
      for (const config::Repository& repository : settings.repositories) {
        known.push_back(repository.name.text());
      }
      print_message("no repository is called " + name + suggestion(name, known));
      return std::nullopt;
    }
  }
  return chosen;
}

int sync(const Global& global, const std::vector<std::string>& names) {
  service::prepare_signals();
  auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  const auto chosen = choose(*settings, names);
  if (!chosen) {
    return kUsage;
  }
  log::configure(log::Level::warning, log::Format::text);
  const auto refreshed = app::refresh_once(std::move(*settings), *chosen, show_progress());
  if (!refreshed) {
    print_message(refreshed.error().message);
    return traits(refreshed.error().error_class).exit_status;
  }
  return report(global, *refreshed);
}

/// What to do about the errors, each advice once.
void print_advice(const std::vector<Outcome>& outcomes) {
  std::set<std::string_view> told;
  for (const Outcome& outcome : outcomes) {
    if (outcome.error && told.insert(advice_for(*outcome.error)).second) {
      print_message(advice_for(*outcome.error));
    }
  }
}

}  // namespace

int report(const Global& global, const app::Refreshed& refreshed) {
  clear_progress();
  int status = refreshed.all_told ? kDone : kRefreshFailed;
  Json results = Json::array();
  for (const Outcome& outcome : refreshed.outcomes) {
    status = outcome.error ? kRefreshFailed : status;
    if (global.json) {
      results.push(to_json(outcome));
    } else {
      outcome.error ? print_message(describe(outcome)) : print_line(describe(outcome));
    }
  }
  if (!global.json) {
    print_advice(refreshed.outcomes);
  } else {
    print_json(Json::object({{"repositories", std::move(results)}}));
  }
  return status;
}

std::function<int(const Global&)> declare_sync(CLI::App& app) {
  const auto names = std::make_shared<std::vector<std::string>>();
  app.add_option("NAME", *names, "Repositories; none: all");
  return [names](const Global& global) { return sync(global, *names); };
}

}  // namespace freshet::cli
