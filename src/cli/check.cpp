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

int check(const Global& global) {
  const config::Loaded loaded = config::load_file(global.config_file);
  const bool valid = loaded.settings.has_value();
  if (global.json) {
    Json problems = Json::array();
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      problems.push(to_json(diagnostic));
    }
    print_line(Json::object({{"valid", valid}, {"problems", std::move(problems)}}).dump());
  } else {
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
      print_line(config::to_text(diagnostic));
    }
    if (valid) {
      print_line(global.config_file + ": valid, " +
                 std::to_string(loaded.settings->repositories.size()) + " repositories");
    }
  }
  return valid ? kDone : kUsage;
}

}  // namespace

std::function<int(const Global&)> declare_check(CLI::App& /*app*/) {
  return check;
}

}  // namespace freshet::cli
