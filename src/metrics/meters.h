#pragma once

#include <map>
#include <string>
#include <tuple>

#include "base/mutex.h"
#include "metrics/exposition.h"
#include "model/event.h"
#include "state/announce_to_publish.h"

namespace freshet::metrics {

/// Counts what the stages report. Thread-safe.
class Meters : public EventSink {
 public:
  Meters();

  void report(const Event& event) override EXCLUDES(mutex_);

  /// An outcome that deliveries can have, so that its count is there from 0 on.
  void expect_delivery(std::string_view forge, std::string_view outcome) EXCLUDES(mutex_);
  void delivery(std::string_view forge, std::string_view outcome) EXCLUDES(mutex_);
  void delivery_answered(Instant::duration after) EXCLUDES(mutex_);
  void config_reloaded(bool successful, WallTime at) EXCLUDES(mutex_);

  void write(Exposition& out) const EXCLUDES(mutex_);

 private:
  struct RefreshKey {
    RepositoryName repository;
    std::string trigger;
    std::string result;
    auto operator<=>(const RefreshKey&) const = default;
  };
  void count(const Outcome& outcome) REQUIRES(mutex_);
  void forget(const RepositoryName& name) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<RefreshKey, std::uint64_t> refreshes_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> polls_ GUARDED_BY(mutex_);  ///< by result
  std::map<std::pair<std::string, std::string>, std::uint64_t> deliveries_ GUARDED_BY(mutex_);
  Histogram refresh_seconds_ GUARDED_BY(mutex_);
  Histogram ack_seconds_ GUARDED_BY(mutex_);
  Histogram announce_to_publish_ GUARDED_BY(mutex_);
  std::uint64_t fetched_bytes_ GUARDED_BY(mutex_) = 0;
  bool config_reload_successful_ GUARDED_BY(mutex_) = true;
  WallTime config_loaded_ GUARDED_BY(mutex_);
};

}  // namespace freshet::metrics
