#include <cstdlib>
#include <memory>

#include "app/engine.h"
#include "app/one_shot.h"
#include "base/files.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "config/load.h"
#include "service/loop.h"
#include "service/manager.h"

namespace freshet::cli {
namespace {

struct Options {
  std::string url;
  std::string path;
  std::string ref;
  std::string interval;
  bool once = false;
};

/// Without links, "." and "..". As it is where there is nothing.
std::string resolve(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

/// The last component may be a link, that of ours at PATH for one: only what is above it is
/// resolved.
std::string complete_path(const std::string& path) {
  const std::string full = absolute_path(path);
  const std::string name = base_name(full);
  if (name == "..") {
    return resolve(full);
  }
  const std::string above = resolve(parent_path(full));
  return (above == "/" ? "" : above) + "/" + name;
}

/// A relative local path is taken from here, as git does it.
std::string complete_url(const std::string& url) {
  const bool other = url.find("://") != std::string::npos || url.starts_with('/') ||
                     (!path_exists(url) && url.find(':') != std::string::npos);
  return other ? url : complete_path(url);
}

Result<config::Settings> settings_for(const Options& options) {
  if (options.url.empty() || options.path.empty()) {  // a variable that was not set
    return fail(ErrorClass::config, options.url.empty() ? "URL is empty" : "PATH is empty");
  }
  FRESHET_TRY(const UpstreamUrl url, UpstreamUrl::parse(complete_url(options.url)));
  FRESHET_TRY(config::Repository repository,
              config::default_repository(url, complete_path(options.path)));
  config::Checkout& checkout = repository.checkouts.front();
  if (!options.ref.empty()) {
    if (!is_valid_ref("refs/heads/" + options.ref)) {
      return fail(ErrorClass::config, "--ref: expected a branch, tag, full ref or commit hash");
    }
    checkout.ref = options.ref;
  }
  if (!options.interval.empty()) {
    const bool off = options.interval == "off";
    repository.interval = off ? std::nullopt : parse_duration(options.interval);
    if (!off && (!repository.interval || *repository.interval < std::chrono::seconds(1))) {
      return fail(ErrorClass::config,
                  "--interval: expected \"off\" or a duration of at least 1s, such as \"30s\"");
    }
  }
  config::Settings settings = config::default_settings();
  FRESHET_TRY(settings.state_dir, app::state_beside(checkout.path));
  settings.repositories.push_back(std::move(repository));
  return settings;
}

int follow(config::Settings settings) {
  log::configure(log::Level::info, log::Format::text);
  auto engine = app::Engine::create(std::move(settings), show_progress());
  if (!engine) {
    print_message(engine.error().message);
    return traits(engine.error().error_class).exit_status;
  }
  (*engine)->start();
  service::Attended attended;
  attended.makes_progress = [&] { return (*engine)->scheduler().makes_progress(); };
  service::run_until_end(attended);
  const service::Stopping stopping;
  engine->reset();
  return kDone;
}

int mirror(const Global& global, const Options& options) {
  service::prepare_signals();
  auto settings = settings_for(options);
  if (!settings) {
    print_message(settings.error().message);
    return traits(settings.error().error_class).exit_status;
  }
  if (!options.once) {
    return follow(std::move(*settings));
  }
  log::configure(log::Level::warning, log::Format::text);
  const RepositoryName name = settings->repositories.front().name;
  const auto refreshed = app::refresh_once(std::move(*settings), {name}, show_progress());
  if (!refreshed) {
    print_message(refreshed.error().message);
    return traits(refreshed.error().error_class).exit_status;
  }
  return report(global, *refreshed);
}

}  // namespace

std::function<int(const Global&)> declare_mirror(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("URL", options->url, "Upstream to follow")->required();
  app.add_option("PATH", options->path, "Where to publish it")->required();
  app.add_option("--ref", options->ref, "Branch, tag, full ref or commit; default branch if none");
  app.add_option("--interval", options->interval, "How often to ask the upstream (60s)");
  app.add_flag("--once", options->once, "Refresh once, then exit");
  return [options](const Global& global) { return mirror(global, *options); };
}

}  // namespace freshet::cli
