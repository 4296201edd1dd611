#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace freshet::app {

/// The paths at which this user cannot publish, a sentence each that names the directory that is
/// closed. Changes nothing, so that it finds permissions and read-only file systems alone.
std::vector<std::string> closed_places(const config::Settings& settings);

}  // namespace freshet::app
