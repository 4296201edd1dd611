#include "remote/rate_limits.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace freshet::remote {
namespace {

/// A quota whose end nobody names is taken to last so long.
constexpr std::int64_t kWithoutReset = 3600;
/// More seconds than this are a date.
constexpr std::int64_t kLongest = std::int64_t{366} * 24 * 3600;

/// The digits in front.
std::optional<std::int64_t> number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '"')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value >= 0 ? std::optional(value) : std::nullopt;
}

/// Of `name=value` among what commas and semicolons part.
std::optional<std::int64_t> parameter(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",;"), text.size());
    std::string_view part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ') {
      part.remove_prefix(1);
    }
    if (part.size() > name.size() && part.substr(0, name.size()) == name &&
        part[name.size()] == '=') {
      return number(part.substr(name.size() + 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

WallTime reset_at(std::optional<std::int64_t> reset, WallTime now) {
  const std::int64_t value = reset.value_or(kWithoutReset);
  if (value <= kLongest) {
    return now + std::chrono::seconds(value);
  }
  const bool millis = value > std::int64_t{100'000'000'000};
  const std::int64_t latest = to_unix_millis(now) + kLongest * 1000;
  return from_unix_millis(std::min(millis ? value : value * 1000, latest));
}

}  // namespace

std::optional<RateLimit> read_rate_limit(
    const std::vector<std::pair<std::string, std::string>>& headers, WallTime now) {
  std::optional<std::int64_t> remaining;
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> reset;
  for (const auto& [name, value] : headers) {
    if (name == "x-ratelimit-remaining" || name == "ratelimit-remaining") {
      remaining = number(value);
    } else if (name == "x-ratelimit-limit" || name == "ratelimit-limit") {
      quota = number(value);
    } else if (name == "x-ratelimit-reset" || name == "ratelimit-reset") {
      reset = number(value);
    } else if (name == "ratelimit" && !remaining) {
      const auto old_form = parameter(value, "remaining");
      remaining = old_form ? old_form : parameter(value, "r");
      quota = parameter(value, "limit");
      reset = parameter(value, old_form ? "reset" : "t");
    }
  }
  if (!remaining) {
    return std::nullopt;
  }
  return RateLimit{*remaining, quota, reset_at(reset, now)};
}

void RateLimits::make_room(Quotas& quotas, WallTime now) {
  std::erase_if(quotas, [&](const auto& entry) { return entry.second.resets <= now; });
  if (quotas.size() >= kQuotas) {
    quotas.erase(std::max_element(quotas.begin(), quotas.end(), [](const auto& a, const auto& b) {
      return a.second.remaining < b.second.remaining;
    }));
  }
}

void RateLimits::note(const std::string& host, std::string_view identity, const RateLimit& limit,
                      WallTime now) {
  const MutexLock lock(mutex_);
  if (hosts_.size() >= kHosts && hosts_.count(host) == 0) {
    return;
  }
  Quotas& quotas = hosts_[host];
  const std::size_t key = std::hash<std::string_view>{}(identity);
  if (quotas.count(key) == 0) {
    make_room(quotas, now);
  }
  quotas[key] = limit;
}

std::map<std::string, RateLimit> RateLimits::by_host(WallTime now) const {
  std::map<std::string, RateLimit> result;
  const MutexLock lock(mutex_);
  for (const auto& [host, quotas] : hosts_) {
    for (const auto& [identity, limit] : quotas) {
      if (limit.resets > now) {
        const auto [least, added] = result.try_emplace(host, limit);
        if (limit.remaining < least->second.remaining) {
          least->second = limit;
        }
      }
    }
  }
  return result;
}

}  // namespace freshet::remote
