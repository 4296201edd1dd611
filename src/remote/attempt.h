#pragma once

#include <utility>

#include "base/result.h"

namespace freshet::remote {

/// Why an attempt at an upstream did not do, and what may do better.
struct FailedAttempt {
  Error error;
  bool refused = false;  ///< another login (status 401, 403 or 404)
  bool odd = false;      ///< to begin anew: what is known or kept of the server is no longer right
};
template <class T>
using Attempt = tl::expected<T, FailedAttempt>;

inline tl::unexpected<FailedAttempt> fail_with(FailedAttempt failure) {
  return tl::unexpected<FailedAttempt>(std::move(failure));
}

}  // namespace freshet::remote
