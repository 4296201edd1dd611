#include "cli/age.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <optional>

#include "cli/output.h"

namespace freshet::cli {
namespace {

std::optional<WallTime> parse(const std::string& text) {
  tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  const bool utc = rest != nullptr && text.ends_with('Z');
  return utc ? std::optional(std::chrono::system_clock::from_time_t(::timegm(&parts)))
             : std::nullopt;
}

std::string length(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) {
    return fmt::format("{} s", seconds);
  }
  if (seconds < 2 * kHour) {
    return fmt::format("{} min", seconds / kMinute);
  }
  return seconds < 2 * kDay ? fmt::format("{} h", seconds / kHour)
                            : fmt::format("{} days", seconds / kDay);
}

}  // namespace

std::string age(const Json& time, WallTime now, const char* never) {
  if (time.is_null()) {
    return never;
  }
  const auto at = parse(time.text());
  if (!at) {
    return time.text();
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *at).count();
  return seconds < 0 ? "in " + length(-seconds) : length(seconds) + " ago";
}

std::string age_or_time(const Json& time, const char* never) {
  return is_terminal(STDOUT_FILENO) ? age(time, wall_now(), never)
         : time.is_null()           ? never
                                    : time.text();
}

std::string age_and_time(const Json& time, const char* never) {
  return time.is_null() ? never : age(time, wall_now(), never) + " (" + time.text() + ")";
}

}  // namespace freshet::cli
