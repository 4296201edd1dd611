#pragma once

#include <optional>

#include "http/message.h"
#include "http/options.h"

namespace freshet::http {

/// A request at the door: says in `head` who its client is. On success `visit` holds its place
/// with the rate limiter until the request is over. An answer: it is not let in (403 outside the
/// allow list, 429 with Retry-After over the rate).
std::optional<Response> admit(Request& head, const Limits& limits, RateLimiter& limiter,
                              Instant now, Visit& visit);

}  // namespace freshet::http
