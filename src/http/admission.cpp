#include "http/admission.h"

#include <algorithm>

#include "http/answer.h"
#include "http/client_address.h"

namespace freshet::http {
namespace {

Response too_many(std::chrono::nanoseconds wait) {
  const auto seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
  Response response = error_response(429, "rate_limited", "too many requests from this address");
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

}  // namespace

std::optional<Response> admit(Request& head, const Limits& limits, RateLimiter& limiter,
                              Instant now, Visit& visit) {
  head.client = client_address(head.peer, head.headers, limits.trusted_proxies);
  if (!limits.allow.empty() && !head.client.empty() && !limits.allow.contains(head.client)) {
    return error_response(403, "forbidden", "this address is not served");
  }
  if (limits.rate_limit.count == 0 || head.client.empty()) {
    return std::nullopt;
  }
  std::string client = client_network(head.client);
  if (const auto wait = limiter.enter(client, limits.rate_limit, now)) {
    return too_many(*wait);
  }
  visit = Visit(limiter, std::move(client));
  return std::nullopt;
}

}  // namespace freshet::http
