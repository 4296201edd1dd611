#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "metrics/exposition.h"
#include "model/ids.h"
#include "state/store.h"

namespace freshet::metrics {

/// What only the moment of the scrape can tell.
struct Gauges {
  struct Host {
    std::string name;
    bool breaker_open = false;
  };
  struct RateLimit {
    std::string host;
    std::int64_t remaining = 0;         ///< requests
    std::optional<std::int64_t> quota;  ///< requests
  };
  struct Disk {
    std::string path;
    std::uint64_t free = 0;  ///< bytes
  };
  struct Refused {
    std::string_view listener;
    std::vector<std::pair<std::string_view, std::uint64_t>> by_reason;
  };

  std::string version;
  std::size_t queue_depth = 0;
  std::vector<Host> hosts;
  std::vector<RateLimit> rate_limits;
  std::vector<Disk> disks;
  std::uint64_t min_free_disk = 0;  ///< bytes
  std::vector<Refused> refused;
  std::optional<WallTime> certificate_expires;
  std::uint64_t ledger_rows_lost = 0;
  std::uint64_t files_repaired = 0;
  /// The longest time between two polls of what is polled.
  std::map<RepositoryName, Duration> poll_intervals;
};

/// Of the repositories, as they are at the moment; paused ones are not polled.
void write_repositories(Exposition& out, const state::Store::Snapshot& repositories,
                        const Gauges& gauges);
/// Of everything else.
void write_gauges(Exposition& out, const Gauges& gauges);

}  // namespace freshet::metrics
