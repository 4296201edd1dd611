#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/mutex.h"
#include "metrics/exposition.h"
#include "model/event.h"
#include "state/store.h"

namespace freshet::metrics {

/// What only the moment of the scrape can tell.
struct Gauges {
  std::size_t queue_depth = 0;
  std::vector<HostKey> open_breakers;
  std::string version;
  std::uint64_t ledger_rows_lost = 0;
};

/// Counts what the stages report. Thread-safe.
class Meters : public EventSink {
 public:
  void report(const Event& event) override EXCLUDES(mutex_);

  void delivery(std::string_view forge, std::string_view outcome) EXCLUDES(mutex_);
  void delivery_answered(Instant::duration after) EXCLUDES(mutex_);
  void config_reloaded(bool successful) EXCLUDES(mutex_);

  /// Everything as Prometheus text.
  std::string render(const state::Store::Snapshot& repositories, const Gauges& gauges) const
      EXCLUDES(mutex_);

 private:
  struct RefreshKey {
    RepositoryName repository;
    std::string trigger;
    std::string result;
    auto operator<=>(const RefreshKey&) const = default;
  };
  void count(const Outcome& outcome) REQUIRES(mutex_);
  void forget(const RepositoryName& name) REQUIRES(mutex_);
  void render_counters(Exposition& out) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<RefreshKey, std::uint64_t> refreshes_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> polls_ GUARDED_BY(mutex_);  ///< by result
  std::map<std::pair<std::string, std::string>, std::uint64_t> deliveries_ GUARDED_BY(mutex_);
  Histogram refresh_seconds_ GUARDED_BY(mutex_);
  Histogram ack_seconds_ GUARDED_BY(mutex_);
  Histogram announce_to_publish_ GUARDED_BY(mutex_);
  std::uint64_t fetched_bytes_ GUARDED_BY(mutex_) = 0;
  bool config_reload_successful_ GUARDED_BY(mutex_) = true;
};

}  // namespace freshet::metrics
