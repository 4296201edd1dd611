#pragma once

#include <string_view>

namespace freshet::notify {

/// Whether a path of a tree ("conf/site/a.conf") matches: "*" is any text within a part of it, "?"
/// one byte of a part, "**" any number of whole parts, so that "conf/**" is everything below conf.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace freshet::notify
