#pragma once

#include <algorithm>
#include <optional>

#include "base/backoff.h"
#include "base/clock.h"

namespace freshet::schedule {

/// How many requests one upstream host gets: a breaker that opens after failures in a row, lets a
/// single trial through after a while, and then opens the way step by step; and the pause that a
/// host asked for. Plain data; the time and chance are arguments.
class HostGate {
 public:
  static constexpr int kFailuresToOpen = 5;

  /// How many may run at once now, at most `limit`.
  int allowed(int limit, Instant now) const {
    if (now < blocked_until_) {
      return 0;
    }
    return ramp_ > 0 ? std::min(ramp_, limit) : limit;
  }
  bool open(Instant now) const { return is_open_ && now < blocked_until_; }
  /// When allowed() grows by itself; nullopt: it does not.
  std::optional<Instant> changes_at(Instant now) const {
    return now < blocked_until_ ? std::optional(blocked_until_) : std::nullopt;
  }

  /// The host answered, whatever it said.
  void answered() {
    failures_ = 0;
    is_open_ = false;
    if (ramp_ > 0) {
      ramp_ = ramp_ >= kRampEnd ? 0 : ramp_ * 2;
    }
  }
  /// The host could not be reached, or was silent.
  void failed(Instant now, double chance) {
    if (++failures_ < kFailuresToOpen) {
      return;
    }
    const Backoff backoff{std::chrono::seconds(5), std::chrono::minutes(1), 0.2};
    is_open_ = true;
    ramp_ = 1;
    blocked_until_ = now + backoff.delay(failures_ - kFailuresToOpen + 1, chance);
  }
  /// The host asked everybody to wait.
  void asked_to_wait(Instant now, Duration pause) {
    blocked_until_ = std::max(blocked_until_, now + std::min<Duration>(pause, kLongestPause));
  }
  /// Somebody wants to know now: one trial at once. A pause that the host asked for stays.
  void try_now(Instant now) {
    if (is_open_) {
      blocked_until_ = std::min(blocked_until_, now);
    }
  }

 private:
  static constexpr int kRampEnd = 64;
  static constexpr Duration kLongestPause{std::chrono::hours(1)};

  int failures_ = 0;  ///< in a row
  bool is_open_ = false;
  int ramp_ = 0;  ///< 0: not ramping up
  Instant blocked_until_{};
};

}  // namespace freshet::schedule
