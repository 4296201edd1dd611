#include "app/daemon.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/output.h"
#include "service/loop.h"
#include "service/manager.h"
#include "service/status.h"

namespace freshet::cli {
namespace {

int serve(const Global& global) {
  service::Attended attended;
  attended.file = global.config_file;
  attended.read = service::FileIdentity::of(attended.file);
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  service::prepare_signals();
  log::configure(settings->log.level, settings->log.format);
  auto started = app::Daemon::start(*settings, global.config_file);
  if (!started) {
    print_message(started.error().message);
    return traits(started.error().error_class).exit_status;
  }
  std::unique_ptr<app::Daemon> daemon = std::move(*started);
  log::info("started", {{"summary", daemon->summary()}});
  attended.makes_progress = [&] { return daemon->observation().makes_progress(); };
  attended.status = [&] { return service::status_line(daemon->engine().store().all()); };
  attended.reload = [&] { daemon->reload(); };
  attended.watches_file = [&] { return daemon->engine().catalogue().get()->settings.watch_config; };
  service::ServiceManager().ready(attended.status());
  service::run_until_end(attended);
  log::info("stopping");
  const service::Stopping stopping;
  daemon.reset();
  log::info("stopped");
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_serve(CLI::App& /*app*/) {
  return serve;
}

}  // namespace freshet::cli
