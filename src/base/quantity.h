#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace freshet {

/// "250ms", "30s", "5m", "1h30m", "2d"; units d h m s ms, largest first, each at most once. A bare
/// "0" is zero. nullopt: not of that form, or more than 10 years.
std::optional<Duration> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back: "1h30m".
std::string format_duration(Duration duration);

/// "0", "512", "64KiB", "26MiB", "1GiB", "2TiB" (and KB, MB, GB, TB for powers of ten), in bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// How many events per duration: "1000/min", "20/s", "5000/h". "0" or "off": no limit, count 0.
struct Rate {
  std::uint64_t count = 0;
  Duration per{std::chrono::minutes(1)};
  bool operator==(const Rate&) const = default;
};
std::optional<Rate> parse_rate(std::string_view text);
std::string format_rate(const Rate& rate);

}  // namespace freshet
