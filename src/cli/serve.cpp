#include "app/daemon.h"
#include "app/service_loop.h"
#include "app/service_manager.h"
#include "app/service_status.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

int serve(const Global& global) {
  app::Attended attended;
  attended.file = global.config_file;
  attended.read = app::FileIdentity::of(attended.file);
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  app::prepare_signals();
  log::configure(settings->log.level, settings->log.format);
  auto started = app::Daemon::start(*settings, global.config_file);
  if (!started) {
    print_message(started.error().message);
    return traits(started.error().error_class).exit_status;
  }
  std::unique_ptr<app::Daemon> daemon = std::move(*started);
  log::info("started", {{"summary", daemon->summary()}});
  attended.makes_progress = [&] { return daemon->observation().makes_progress(); };
  attended.status = [&] { return app::service_status(daemon->engine().store().all()); };
  attended.reload = [&] { daemon->reload(); };
  attended.watches_file = [&] { return daemon->engine().catalogue().get()->settings.watch_config; };
  app::ServiceManager().ready(attended.status());
  app::run_until_end(attended);
  log::info("stopping");
  const app::Stopping stopping;
  daemon.reset();
  log::info("stopped");
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_serve(CLI::App& /*app*/) {
  return serve;
}

}  // namespace freshet::cli
