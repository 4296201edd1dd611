#include "metrics/meters.h"

namespace freshet::metrics {
namespace {

double seconds_between(WallTime begin, WallTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

double unix_seconds(WallTime time) {
  return static_cast<double>(to_unix_millis(time)) / 1000;
}

void render_repositories(Exposition& out, const state::Store::Snapshot& repositories) {
  out.family("last_success_timestamp_seconds", "gauge", "When the last refresh succeeded.");
  for (const auto& state : repositories) {
    if (state->last_success) {
      out.sample("last_success_timestamp_seconds", {{"repository", state->name.text()}},
                 unix_seconds(*state->last_success));
    }
  }
  out.family("repository_failing", "gauge", "1 while the last refresh failed, by error class.");
  for (const auto& state : repositories) {
    if (state->failure) {
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

}  // namespace

void Meters::report(const Event& event) {
  const MutexLock lock(mutex_);
  if (const auto* finished = std::get_if<RefreshFinished>(&event)) {
    count(finished->outcome);
  } else if (const auto* removed = std::get_if<RepositoryRemoved>(&event)) {
    forget(removed->repository);
  }
}

void Meters::count(const Outcome& outcome) {
  if (outcome.cancelled) {
    return;
  }
  const std::string result(to_string(outcome.result));
  if (outcome.cause == Cause::poll) {
    ++polls_[result];
  }
  if (outcome.probe_only && outcome.result == RefreshResult::unchanged) {
    return;
  }
  ++refreshes_[{outcome.repository, std::string(to_string(outcome.cause)), result}];
  refresh_seconds_.observe(seconds_between(outcome.started, outcome.ended));
  fetched_bytes_ += outcome.fetched_bytes;
  for (const state::Seconds time : state::announce_to_publish(outcome)) {
    announce_to_publish_.observe(time.count());
  }
}

void Meters::forget(const RepositoryName& name) {
  std::erase_if(refreshes_, [&](const auto& entry) { return entry.first.repository == name; });
}

void Meters::delivery(std::string_view forge, std::string_view outcome) {
  const MutexLock lock(mutex_);
  ++deliveries_[{std::string(forge), std::string(outcome)}];
}

void Meters::delivery_answered(Instant::duration after) {
  const MutexLock lock(mutex_);
  ack_seconds_.observe(std::chrono::duration<double>(after).count());
}

void Meters::config_reloaded(bool successful) {
  const MutexLock lock(mutex_);
  config_reload_successful_ = successful;
}

void Meters::render_counters(Exposition& out) const {
  out.family("deliveries_total", "counter", "Webhook deliveries by forge and outcome.");
  for (const auto& [key, value] : deliveries_) {
    out.sample("deliveries_total", {{"forge", key.first}, {"outcome", key.second}},
               static_cast<double>(value));
  }
  out.family("refreshes_total", "counter", "Refreshes by repository, trigger and result.");
  for (const auto& [key, value] : refreshes_) {
    out.sample(
        "refreshes_total",
        {{"repository", key.repository.text()}, {"trigger", key.trigger}, {"result", key.result}},
        static_cast<double>(value));
  }
  out.family("polls_total", "counter", "Polls by result.");
  for (const auto& [result, value] : polls_) {
    out.sample("polls_total", {{"result", result}}, static_cast<double>(value));
  }
  out.family("fetched_bytes_total", "counter", "Bytes of packs received from upstreams.");
  out.sample("fetched_bytes_total", {}, static_cast<double>(fetched_bytes_));
  refresh_seconds_.write(out, "refresh_seconds", "How long refreshes took.");
  announce_to_publish_.write(out, "announce_to_publish_seconds",
                             "From the arrival of a delivery to the switch of the tree.");
  ack_seconds_.write(out, "delivery_ack_seconds", "How long deliveries waited for their answer.");
  out.family("config_last_reload_successful", "gauge", "0 after a reload of a broken file.");
  out.sample("config_last_reload_successful", {}, config_reload_successful_ ? 1 : 0);
}

std::string Meters::render(const state::Store::Snapshot& repositories, const Gauges& gauges) const {
  Exposition out;
  {
    const MutexLock lock(mutex_);
    render_counters(out);
  }
  render_repositories(out, repositories);
  out.family("queue_depth", "gauge", "Refreshes and probes that wait for their turn.");
  out.sample("queue_depth", {}, static_cast<double>(gauges.queue_depth));
  out.family("ledger_rows_lost_total", "counter", "Rows that the ledger could not take.");
  out.sample("ledger_rows_lost_total", {}, static_cast<double>(gauges.ledger_rows_lost));
  out.family("host_breaker_open", "gauge", "1 while requests to a host are held back.");
  for (const HostKey& host : gauges.open_breakers) {
    out.sample("host_breaker_open", {{"host", host.text()}}, 1);
  }
  out.family("build_info", "gauge", "Always 1.");
  out.sample("build_info", {{"version", gauges.version}}, 1);
  return out.take();
}

}  // namespace freshet::metrics
