#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace freshet {

std::string to_rfc3339(WallTime time) {
  const std::int64_t millis = to_unix_millis(time);
  std::int64_t seconds = millis / 1000;
  std::int64_t rest = millis % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const std::time_t t = seconds;
  std::tm parts{};
  gmtime_r(&t, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     rest);
}

std::int64_t to_unix_millis(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime from_unix_millis(std::int64_t millis) {
  constexpr std::int64_t kFarthest =
      std::chrono::duration_cast<std::chrono::milliseconds>(WallTime::duration::max() / 2).count();
  return WallTime(std::chrono::milliseconds(std::clamp(millis, -kFarthest, kFarthest)));
}

}  // namespace freshet
