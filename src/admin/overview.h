#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "state/store.h"

namespace freshet::admin {

/// The daemon as a whole, as GET /api/v1/status shows it.
struct Overview {
  struct Reload {
    WallTime at{};
    bool successful = false;
    std::vector<std::string> problems;
  };
  struct Host {
    std::string name;
    bool breaker_open = false;
    std::optional<std::int64_t> rate_limit_remaining;  ///< requests
  };
  struct Disk {
    std::string path;
    std::uint64_t free = 0;      ///< bytes
    std::uint64_t min_free = 0;  ///< bytes
  };

  std::string version;
  WallTime started{};
  WallTime now{};
  state::Store::Snapshot repositories;
  std::size_t queue_depth = 0;
  std::string configuration;  ///< its file
  WallTime configuration_loaded{};
  std::optional<Reload> last_reload;
  std::string public_listener;
  std::string admin_listener;
  std::optional<WallTime> certificate_expires;
  std::vector<Host> hosts;
  std::vector<Disk> disks;
};

/// Pure.
Json view(const Overview& overview);

}  // namespace freshet::admin
