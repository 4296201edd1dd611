#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace freshet::app {

/// What users other than the owner of the trees say to git (safe.directory) to be let in: the place
/// of each published tree with `git = true`. A link's trees change their path with each commit, so
/// theirs end with "/*", which git takes from 2.46 on.
std::vector<std::string> safe_directories(const config::Settings& settings);

}  // namespace freshet::app
