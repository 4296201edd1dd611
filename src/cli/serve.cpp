#include "app/daemon.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/output.h"
#include "config/load.h"

namespace freshet::cli {
namespace {

/// A broken file keeps the old configuration.
void reload(app::Daemon& daemon, const std::string& file) {
  config::Loaded loaded = config::load_file(file);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    log::write(
        diagnostic.severity == config::Severity::error ? log::Level::error : log::Level::warning,
        "configuration", {{"problem", config::to_text(diagnostic)}});
  }
  daemon.engine().meters().config_reloaded(loaded.settings.has_value());
  if (!loaded.settings) {
    log::error("configuration not reloaded; the old one stays in force", {{"file", file}});
    return;
  }
  log::configure(loaded.settings->log.level, loaded.settings->log.format);
  daemon.reload(std::move(*loaded.settings));
  log::info("configuration reloaded", {{"file", file}});
}

int serve(const Global& global) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  app::prepare_signals();
  log::configure(settings->log.level, settings->log.format);
  auto daemon = app::Daemon::start(*settings);
  if (!daemon) {
    print_message(daemon.error().message);
    return traits(daemon.error().error_class).exit_status;
  }
  const std::string summary = (*daemon)->summary();
  log::info("started", {{"summary", summary}});
  app::ServiceManager().ready(summary);
  app::wait_for_end((*daemon)->engine().scheduler(), [&] { reload(**daemon, global.config_file); });
  log::info("stopping");
  daemon->reset();
  log::info("stopped");
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_serve(CLI::App& /*app*/) {
  return serve;
}

}  // namespace freshet::cli
