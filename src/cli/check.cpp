#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "app/credential_files.h"
#include "app/listeners.h"
#include "app/safe_directories.h"
#include "app/service_user.h"
#include "app/surroundings.h"
#include "base/secret.h"
#include "cli/check_report.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/style.h"
#include "config/findings.h"
#include "service/loop.h"
#include "service/signal_watch.h"

namespace freshet::cli {
namespace {

/// What the service will miss: secrets and files of credentials that it cannot read, places that it
/// cannot write in, groups and programs that are not there.
void look_around(config::Loaded& loaded, const std::string& file, bool credentials) {
  std::vector<config::Finding> findings = app::look_around(*loaded.settings);
  if (credentials) {
    for (app::CredentialProblem& problem : app::check_credential_files(*loaded.settings)) {
      // Those that only the service manager could hand out are passed over.
      if (problem.fatal && secret_path(problem.file)) {
        findings.push_back({"credential." + problem.key, problem.file, std::move(problem.message)});
      }
    }
  }
  config::add_findings(loaded, file, findings);
}

/// The file, and what it names that a start would not go without. --online looks at credentials
/// itself.
Result<config::Loaded> load_and_look_around(const std::string& file, bool credentials) {
  config::Loaded loaded = config::load_file(file);
  if (loaded.settings) {
    FRESHET_TRY(const std::optional<std::string> user,
                app::become_service_user(loaded.settings->state_dir));
    if (user) {
      print_message("looking as the user " + *user + ", to whom " + loaded.settings->state_dir +
                    " belongs");
    }
    const auto usable = app::check_certificate(loaded.settings->server);
    if (!usable) {
      loaded.settings.reset();
      loaded.diagnostics.push_back(
          {config::Severity::error, file, 0, 0, "server", usable.error().message});
    }
  }
  if (loaded.settings) {
    look_around(loaded, file, credentials);
  }
  return loaded;
}

struct Options {
  bool drift = false;
  bool online = false;
};

/// On a terminal, how many have answered; what is found is printed after it.
Result<Online> look_online(const config::Settings& settings) {
  service::prepare_signals();
  const CancelToken cancel;
  const service::SignalWatch watch(cancel);
  const bool terminal = is_terminal(STDERR_FILENO);
  const std::size_t all = settings.repositories.size();
  auto upstreams = app::check_upstreams(settings, cancel, [&](std::size_t answered) {
    if (terminal) {
      std::cerr << kEraseLine
                << (answered == all ? "" : fmt::format("{}/{} upstreams", answered, all))
                << std::flush;
    }
  });
  FRESHET_CHECK(upstreams);
  if (cancel.cancelled()) {
    return fail(ErrorClass::conflict, "interrupted before every upstream was asked");
  }
  return Online{app::check_credential_files(settings), std::move(*upstreams)};
}

struct Found {
  config::Loaded loaded;
  std::vector<app::DriftReport> drift;
  std::optional<Online> online;

  int exit_status() const {
    const bool as_published = std::all_of(
        drift.begin(), drift.end(),
        [](const app::DriftReport& report) { return report.changed && report.changed->empty(); });
    return !loaded.settings                                ? kUsage
           : as_published && !(online && online->failed()) ? kDone
                                                           : kRefreshFailed;
  }
};

void print(const Global& global, const Options& options, const Found& found) {
  print_problems(found.loaded.diagnostics);
  if (!found.loaded.settings) {
    return;
  }
  const std::size_t number = found.loaded.settings->repositories.size();
  print_line(global.config_file + ": valid, " + count_of(number, "repository", "repositories"));
  if (!options.drift && !options.online) {
    print_safe_directories(app::safe_directories(*found.loaded.settings));
  }
  for (const app::DriftReport& report : found.drift) {
    print_drift(report);
  }
  if (found.online) {
    print_online(*found.online);
  }
}

template <class T>
Json list_of(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) {
    list.push(to_json(item));
  }
  return list;
}

Json all_of(const Options& options, const Found& found) {
  Json result = Json::object({{"valid", found.loaded.settings.has_value()},
                              {"problems", list_of(found.loaded.diagnostics)}});
  if (found.loaded.settings) {
    Json directories = Json::array();
    for (const std::string& directory : app::safe_directories(*found.loaded.settings)) {
      directories.push(directory);
    }
    result.set("safe_directories", std::move(directories));
  }
  if (options.drift) {
    result.set("drift", list_of(found.drift));
  }
  if (found.online) {
    result.set("online", to_json(*found.online));
  }
  return result;
}

int check(const Global& global, const Options& options) {
  auto loaded = load_and_look_around(global.config_file, !options.online);
  if (!loaded) {
    print_message(loaded.error().message);
    return traits(loaded.error().error_class).exit_status;
  }
  Found found{std::move(*loaded), {}, {}};
  if (found.loaded.settings && options.drift) {
    found.drift = app::look_for_drift(*found.loaded.settings);
  }
  if (found.loaded.settings && options.online) {
    auto online = look_online(*found.loaded.settings);
    if (!online) {
      print_message(online.error().message);
      return traits(online.error().error_class).exit_status;
    }
    found.online = std::move(*online);
  }
  if (global.json) {
    print_json(all_of(options, found));
  } else {
    print(global, options, found);
  }
  return found.exit_status();
}

}  // namespace

std::function<int(const Global&)> declare_check(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_flag("--online", options->online,
               "Ask each upstream with its credentials, as the daemon would; needs no daemon");
  app.add_flag("--drift", options->drift, "Compare the published trees with their commits");
  return [options](const Global& global) { return check(global, *options); };
}

}  // namespace freshet::cli
