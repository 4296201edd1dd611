#pragma once

#include <vector>

#include "config/findings.h"
#include "config/settings.h"

namespace freshet::app {

/// What a configuration counts on and this user does not find: places to write in, groups, programs
/// of gates and commands, files of webhook secrets. Changes nothing, so that of places it finds
/// permissions and read-only file systems alone.
std::vector<config::Finding> look_around(const config::Settings& settings);

}  // namespace freshet::app
