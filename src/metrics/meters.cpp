#include "metrics/meters.h"

namespace freshet::metrics {
namespace {

double seconds_between(WallTime begin, WallTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Meters::Meters() : config_loaded_(wall_now()) {
  for (const RefreshResult result :
       {RefreshResult::unchanged, RefreshResult::updated, RefreshResult::failed}) {
    polls_[std::string(to_string(result))] = 0;
  }
}

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

void Meters::expect_delivery(std::string_view forge, std::string_view outcome) {
  const MutexLock lock(mutex_);
  deliveries_.try_emplace({std::string(forge), std::string(outcome)}, 0);
}

void Meters::delivery(std::string_view forge, std::string_view outcome) {
  const MutexLock lock(mutex_);
  ++deliveries_[{std::string(forge), std::string(outcome)}];
}

void Meters::delivery_answered(Instant::duration after) {
  const MutexLock lock(mutex_);
  ack_seconds_.observe(std::chrono::duration<double>(after).count());
}

void Meters::config_reloaded(bool successful, WallTime at) {
  const MutexLock lock(mutex_);
  config_reload_successful_ = successful;
  if (successful) {
    config_loaded_ = at;
  }
}

void Meters::write(Exposition& out) const {
  const MutexLock lock(mutex_);
  out.family("deliveries_total", "counter", "Webhook deliveries by forge and outcome.");
  for (const auto& [key, value] : deliveries_) {
    out.sample("deliveries_total", {{"forge", key.first}, {"outcome", key.second}},
               static_cast<double>(value));
  }
  ack_seconds_.write(out, "delivery_ack_seconds", "How long deliveries waited for their answer.");
  out.family("refreshes_total", "counter", "Refreshes by repository, trigger and result.");
  for (const auto& [key, value] : refreshes_) {
    out.sample(
        "refreshes_total",
        {{"repository", key.repository.text()}, {"trigger", key.trigger}, {"result", key.result}},
        static_cast<double>(value));
  }
  refresh_seconds_.write(out, "refresh_seconds", "How long refreshes took.");
  announce_to_publish_.write(out, "announce_to_publish_seconds",
                             "From the arrival of a delivery to the switch of the tree.");
  out.family("polls_total", "counter", "Polls by result.");
  for (const auto& [result, value] : polls_) {
    out.sample("polls_total", {{"result", result}}, static_cast<double>(value));
  }
  out.family("fetched_bytes_total", "counter", "Bytes of packs received from upstreams.");
  out.sample("fetched_bytes_total", {}, static_cast<double>(fetched_bytes_));
  out.family("config_last_reload_successful", "gauge", "0 after a reload of a broken file.");
  out.sample("config_last_reload_successful", {}, config_reload_successful_ ? 1 : 0);
  out.family("config_last_reload_success_timestamp_seconds", "gauge",
             "Since when the configuration in force holds.");
  out.sample("config_last_reload_success_timestamp_seconds", {},
             static_cast<double>(to_unix_millis(config_loaded_)) / 1000);
}

}  // namespace freshet::metrics
