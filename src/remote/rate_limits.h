#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace freshet::remote {

/// What an answer says of the quota that its request counted against.
struct RateLimit {
  std::int64_t remaining = 0;         ///< requests
  std::optional<std::int64_t> quota;  ///< requests, when it is full
  WallTime resets{};                  ///< when the quota is full again
  bool operator==(const RateLimit&) const = default;
};

/// Reads X-RateLimit-Remaining (GitHub), RateLimit-Remaining (GitLab) and the RateLimit field of
/// the IETF's drafts, with quota and reset that stand beside, this in seconds from now or since
/// 1970. Names are in lower case. nullopt: none of them, or no number. Pure.
std::optional<RateLimit> read_rate_limit(
    const std::vector<std::pair<std::string, std::string>>& headers, WallTime now);

/// How many requests upstream hosts still allow, as their answers said last. Each identity has a
/// quota of its own; the one that is nearest to its end counts. Thread-safe, bounded.
class RateLimits {
 public:
  /// `identity` tells those apart that have quotas of their own, and is not kept as it is.
  void note(const std::string& host, std::string_view identity, const RateLimit& limit,
            WallTime now) EXCLUDES(mutex_);

  /// By host, without quotas that are full again by now.
  std::map<std::string, RateLimit> by_host(WallTime now) const EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kHosts = 1024;
  static constexpr std::size_t kQuotas = 64;  ///< of one host
  using Quotas = std::map<std::size_t, RateLimit>;
  static void make_room(Quotas& quotas, WallTime now);

  mutable Mutex mutex_;
  std::map<std::string, Quotas> hosts_ GUARDED_BY(mutex_);
};

}  // namespace freshet::remote
