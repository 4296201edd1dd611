#pragma once

#include <string>

#include "base/result.h"

namespace freshet::mirror {

/// Mode 0755 whatever the umask, missing parents as the umask wants. An existing one is left alone.
Result<void> make_readable_directory(const std::string& path);

/// Makes it an empty bare repository, or completes a half-made one. The configuration is ours
/// alone: it is put back when anybody changed it. Requires the mirror's lock.
Result<void> complete_layout(const std::string& mirror);

}  // namespace freshet::mirror
