#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace freshet {

/// For intervals and deadlines: never jumps.
using Instant = std::chrono::steady_clock::time_point;
/// For people and files: can jump.
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::milliseconds;

inline Instant now() {
  return std::chrono::steady_clock::now();
}
inline WallTime wall_now() {
  return std::chrono::system_clock::now();
}

/// "2026-11-21T08:57:29.123Z".
std::string to_rfc3339(WallTime time);
std::int64_t to_unix_millis(WallTime time);
/// What no file should say is the nearest time, within some 146 years of 1970, that can still be
/// subtracted from any other.
WallTime from_unix_millis(std::int64_t millis);

}  // namespace freshet
