#pragma once

#include "base/clock.h"

namespace freshet {

/// How long to wait before trying again, as a function of how often it failed.
struct Backoff {
  Duration first{std::chrono::seconds(1)};
  Duration longest{std::chrono::minutes(5)};
  double jitter = 0.2;  ///< a share of the delay that chance takes off, so that clients spread

  /// `failures` counts from 1; `chance` is uniform in [0, 1).
  Duration delay(int failures, double chance) const;
};

}  // namespace freshet
