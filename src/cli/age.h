#pragma once

#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace freshet::cli {

/// "3 min ago", "in 40 s" for a time as the API writes it; `never` for null, and the text itself
/// where it is no such time. Pure.
std::string age(const Json& time, WallTime now, const char* never);

/// For a table: how long ago on a terminal, else the time itself.
std::string age_or_time(const Json& time, const char* never);

/// For a person who looks at one thing: "3 min ago (2026-11-21T08:57:29.123Z)".
std::string age_and_time(const Json& time, const char* never);

}  // namespace freshet::cli
