#pragma once

#include "base/clock.h"

namespace freshet::remote {

/// How long an operation may take.
struct TimeLimits {
  Duration total{};    ///< of the whole; 0: none
  Duration silence{};  ///< without a byte from the upstream; 0: none
};

}  // namespace freshet::remote
