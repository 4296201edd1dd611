#include <algorithm>
#include <memory>

#include "app/drift_report.h"
#include "app/listeners.h"
#include "app/secret_uses.h"
#include "cli/command.h"
#include "cli/output.h"
#include "config/load.h"

namespace freshet::cli {
namespace {

Json to_json(const config::Diagnostic& diagnostic) {
  return Json::object(
      {{"severity", diagnostic.severity == config::Severity::error ? "error" : "warning"},
       {"file", diagnostic.file},
       {"line", static_cast<std::int64_t>(diagnostic.line)},
       {"column", static_cast<std::int64_t>(diagnostic.column)},
       {"key", diagnostic.key},
       {"message", diagnostic.message}});
}

Json to_json(const app::DriftReport& report) {
  Json changed = Json::array();
  for (const std::string& path : report.changed.value_or(std::vector<std::string>())) {
    changed.push(path);
  }
  Json json = Json::object({{"repository", report.repository.text()},
                            {"path", report.path},
                            {"changed", std::move(changed)}});
  if (!report.changed) {
    json.set("error", report.changed.error().message);
  }
  return json;
}

void print_drift(const app::DriftReport& report) {
  if (!report.changed) {
    print_message(report.path + ": " + report.changed.error().message);
    return;
  }
  if (report.changed->empty()) {
    print_line(report.path + ": as its commit");
  }
  for (const std::string& path : *report.changed) {
    print_line(report.path + "/" + path + ": changed by somebody else");
  }
}

/// The file, and what it names that a start would not go without.
config::Loaded load_and_look_around(const std::string& file) {
  config::Loaded loaded = config::load_file(file);
  if (loaded.settings) {
    const auto usable = app::check_certificate(loaded.settings->server);
    if (!usable) {
      loaded.settings.reset();
      loaded.diagnostics.push_back(
          {config::Severity::error, file, 0, 0, "server", usable.error().message});
    }
  }
  if (loaded.settings) {
    for (std::string& problem : app::unreadable_secrets(*loaded.settings)) {
      loaded.diagnostics.push_back(
          {config::Severity::warning, file, 0, 0, "secret_files", std::move(problem)});
    }
  }
  return loaded;
}

int check(const Global& global, bool with_drift) {
  const config::Loaded loaded = load_and_look_around(global.config_file);
  const bool valid = loaded.settings.has_value();
  std::vector<app::DriftReport> reports;
  if (valid && with_drift) {
    reports = app::look_for_drift(*loaded.settings);
  }
  if (global.json) {
    Json problems = Json::array();
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      problems.push(to_json(diagnostic));
    }
    Json result = Json::object({{"valid", valid}, {"problems", std::move(problems)}});
    if (with_drift) {
      Json drift = Json::array();
      for (const app::DriftReport& report : reports) {
        drift.push(to_json(report));
      }
      result.set("drift", std::move(drift));
    }
    print_json(result);
  } else {
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      print_line(config::to_text(diagnostic));
    }
    if (valid) {
      print_line(global.config_file + ": valid, " +
                 std::to_string(loaded.settings->repositories.size()) + " repositories");
    }
    for (const app::DriftReport& report : reports) {
      print_drift(report);
    }
  }
  const bool as_published = std::all_of(
      reports.begin(), reports.end(),
      [](const app::DriftReport& report) { return report.changed && report.changed->empty(); });
  return !valid ? kUsage : as_published ? kDone : kRefreshFailed;
}

}  // namespace

std::function<int(const Global&)> declare_check(CLI::App& app) {
  const auto with_drift = std::make_shared<bool>(false);
  app.add_flag("--drift", *with_drift, "compare the published trees with their commits");
  return [with_drift](const Global& global) { return check(global, *with_drift); };
}

}  // namespace freshet::cli
