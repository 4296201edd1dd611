#include "metrics/gauges.h"

namespace freshet::metrics {
namespace {

using state::RepositoryCondition;

double unix_seconds(WallTime time) {
  return static_cast<double>(to_unix_millis(time)) / 1000;
}

void write_single(Exposition& out, std::string_view name, std::string_view type,
                  std::string_view help, double value) {
  out.family(name, type, help);
  out.sample(name, {}, value);
}

void write_states(Exposition& out, const state::Store::Snapshot& repositories) {
  out.family("repositories", "gauge", "Repositories by state.");
  for (const auto& [condition, count] : state::count_by_condition(repositories)) {
    out.sample("repositories", {{"state", std::string(to_string(condition))}},
               static_cast<double>(count));
  }
}

void write_hosts(Exposition& out, const Gauges& gauges) {
  out.family("host_breaker_open", "gauge", "1 while requests to a host are held back.");
  for (const Gauges::Host& host : gauges.hosts) {
    out.sample("host_breaker_open", {{"host", host.name}}, host.breaker_open ? 1 : 0);
  }
  out.family("rate_limit_remaining", "gauge",
             "Requests that a host still allows, as its last answers said.");
  for (const Gauges::RateLimit& limit : gauges.rate_limits) {
    out.sample("rate_limit_remaining", {{"host", limit.host}},
               static_cast<double>(limit.remaining));
  }
  out.family("rate_limit_quota", "gauge", "Requests that a host allows in each of its periods.");
  for (const Gauges::RateLimit& limit : gauges.rate_limits) {
    if (limit.quota) {
      out.sample("rate_limit_quota", {{"host", limit.host}}, static_cast<double>(*limit.quota));
    }
  }
}

void write_disks(Exposition& out, const Gauges& gauges) {
  out.family("disk_free_bytes", "gauge",
             "Free space where state is kept, and on each file system that is published to.");
  for (const Gauges::Disk& disk : gauges.disks) {
    out.sample("disk_free_bytes", {{"path", disk.path}}, static_cast<double>(disk.free));
  }
  write_single(out, "disk_min_free_bytes", "gauge",
               "Free space below which nothing is fetched, as configured.",
               static_cast<double>(gauges.min_free_disk));
}

}  // namespace

void write_repositories(Exposition& out, const state::Store::Snapshot& repositories,
                        const Gauges& gauges) {
  write_states(out, repositories);
  out.family("last_success_timestamp_seconds", "gauge", "When the last refresh succeeded.");
  for (const auto& state : repositories) {
    if (state->last_success) {
      out.sample("last_success_timestamp_seconds", {{"repository", state->name.text()}},
                 unix_seconds(*state->last_success));
    }
  }
  out.family("poll_interval_seconds", "gauge",
             "The longest time between two polls; none while a repository is not polled.");
  for (const auto& state : repositories) {
    const auto interval = gauges.poll_intervals.find(state->name);
    if (interval != gauges.poll_intervals.end() && !state->paused_since) {
      out.sample("poll_interval_seconds", {{"repository", state->name.text()}},
                 static_cast<double>(interval->second.count()) / 1000);
    }
  }
  out.family("repository_failing", "gauge",
             "1 while the last refresh failed, by error class; none while it is paused.");
  for (const auto& state : repositories) {
    if (state->failure && !state->paused_since) {
      out.sample("repository_failing",
                 {{"repository", state->name.text()},
                  {"class", std::string(to_string(state->failure->error.error_class))}},
                 1);
    }
  }
  out.family("missed_webhooks_total", "counter",
             "Changes that a poll found and no delivery announced.");
  for (const auto& state : repositories) {
    out.sample("missed_webhooks_total", {{"repository", state->name.text()}},
               static_cast<double>(state->missed_deliveries));
  }
}

void write_gauges(Exposition& out, const Gauges& gauges) {
  write_single(out, "queue_depth", "gauge", "Refreshes and probes that wait for their turn.",
               static_cast<double>(gauges.queue_depth));
  write_hosts(out, gauges);
  out.family("requests_refused_total", "counter",
             "Requests that were refused before anybody had shown a signature, by reason.");
  for (const Gauges::Refused& refused : gauges.refused) {
    for (const auto& [reason, count] : refused.by_reason) {
      out.sample("requests_refused_total",
                 {{"listener", std::string(refused.listener)}, {"reason", std::string(reason)}},
                 static_cast<double>(count));
    }
  }
  if (gauges.certificate_expires) {
    write_single(out, "certificate_expires_timestamp_seconds", "gauge",
                 "When the certificate of the public listener ends.",
                 unix_seconds(*gauges.certificate_expires));
  }
  write_disks(out, gauges);
  write_single(out, "drift_repaired_files_total", "counter",
               "Published files that somebody else changed and that were written anew.",
               static_cast<double>(gauges.files_repaired));
  write_single(out, "ledger_rows_lost_total", "counter", "Rows that the ledger could not take.",
               static_cast<double>(gauges.ledger_rows_lost));
  out.family("build_info", "gauge", "Always 1.");
  out.sample("build_info", {{"version", gauges.version}}, 1);
}

}  // namespace freshet::metrics
