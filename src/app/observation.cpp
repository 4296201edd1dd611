#include "app/observation.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "metrics/gauges.h"
#include "metrics/process.h"

namespace freshet::app {
namespace {

constexpr Duration kSilenceAllowed{10'000};

/// What is there of the path, from its end on.
std::string existing_part(std::string path) {
  while (path.size() > 1 && !path_exists(path)) {
    path = parent_path(path);
  }
  return path;
}

/// The state directory, and one directory of each other file system that is published to.
std::vector<metrics::Gauges::Disk> disks_of(const config::Settings& settings) {
  std::set<std::string> directories;
  for (const config::Repository& repository : settings.repositories) {
    for (const config::Checkout& checkout : repository.checkouts) {
      directories.insert(parent_path(checkout.path));
    }
  }
  std::vector<std::string> paths{settings.state_dir};
  paths.insert(paths.end(), directories.begin(), directories.end());
  std::set<dev_t> seen;
  std::vector<metrics::Gauges::Disk> disks;
  for (const std::string& path : paths) {
    const std::string there = existing_part(path);
    struct stat info {};
    struct statvfs disk {};
    if (::stat(there.c_str(), &info) == 0 && seen.insert(info.st_dev).second &&
        ::statvfs(there.c_str(), &disk) == 0) {
      disks.push_back({path, std::uint64_t{disk.f_bavail} * disk.f_frsize});
    }
  }
  return disks;
}

std::map<RepositoryName, Duration> poll_intervals(const config::Settings& settings) {
  std::map<RepositoryName, Duration> intervals;
  for (const config::Repository& repository : settings.repositories) {
    if (repository.interval) {
      intervals.emplace(repository.name,
                        std::max(*repository.interval, repository.webhook_interval));
    }
  }
  return intervals;
}

}  // namespace

void Observation::listening(const http::Server& public_server, const http::Server& admin_server) {
  public_server_ = &public_server;
  admin_server_ = &admin_server;
}

bool Observation::makes_progress() const {
  const Instant earliest = now() - kSilenceAllowed;
  for (const http::Server* server : {public_server_.load(), admin_server_.load()}) {
    if (server != nullptr && server->last_round() < earliest) {
      return false;
    }
  }
  return engine_.scheduler().makes_progress();
}

std::string Observation::metrics() const {
  const auto catalogue = engine_.catalogue().get();
  metrics::Gauges gauges;
  gauges.version = FRESHET_VERSION;
  gauges.queue_depth = engine_.scheduler().queue_depth();
  for (const schedule::HostStatus& host : engine_.scheduler().hosts()) {
    gauges.hosts.push_back({host.host.text(), host.breaker_open});
  }
  for (const auto& [host, limit] : engine_.rate_limits()) {
    gauges.rate_limits.push_back({host, limit.remaining, limit.quota});
  }
  gauges.disks = disks_of(catalogue->settings);
  gauges.min_free_disk = catalogue->settings.limits.min_free_disk;
  if (const http::Server* server = public_server_) {
    gauges.refused.push_back({"public", server->refusals()});
    gauges.certificate_expires = server->certificate_expires();
  }
  if (const http::Server* server = admin_server_) {
    gauges.refused.push_back({"admin", server->refusals()});
  }
  gauges.ledger_rows_lost = engine_.ledger().rows_lost();
  gauges.files_repaired = engine_.files_repaired();
  gauges.poll_intervals = poll_intervals(catalogue->settings);
  metrics::Exposition out;
  engine_.meters().write(out);
  metrics::write_repositories(out, engine_.store().all(), gauges);
  metrics::write_gauges(out, gauges);
  metrics::Exposition process("");
  metrics::write_process(process, metrics::process_figures());
  return out.take() + process.take();
}

admin::Overview Observation::overview() const {
  const auto catalogue = engine_.catalogue().get();
  const service::ConfigurationFile::Status configuration = configuration_.status();
  admin::Overview overview;
  overview.version = FRESHET_VERSION;
  overview.started = started_;
  overview.now = wall_now();
  overview.repositories = engine_.store().all();
  overview.queue_depth = engine_.scheduler().queue_depth();
  overview.configuration = configuration.path;
  overview.configuration_loaded = configuration.loaded;
  if (const auto& reload = configuration.last_reload) {
    overview.last_reload = {reload->at, reload->successful, reload->problems};
  }
  if (const http::Server* server = public_server_) {
    overview.public_listener = server->address();
    overview.certificate_expires = server->certificate_expires();
  }
  if (const http::Server* server = admin_server_) {
    overview.admin_listener = server->address();
  }
  std::map<std::string, admin::Overview::Host> hosts;
  for (const schedule::HostStatus& host : engine_.scheduler().hosts()) {
    hosts[host.host.text()].breaker_open = host.breaker_open;
  }
  for (const auto& [host, limit] : engine_.rate_limits()) {
    hosts[host].rate_limit_remaining = limit.remaining;
  }
  for (auto& [name, host] : hosts) {
    host.name = name;
    overview.hosts.push_back(host);
  }
  for (const metrics::Gauges::Disk& disk : disks_of(catalogue->settings)) {
    overview.disks.push_back({disk.path, disk.free, catalogue->settings.limits.min_free_disk});
  }
  return overview;
}

}  // namespace freshet::app
