#pragma once

#include <string_view>

namespace freshet::checkout {

/// Whether a tree entry of this name may be written. Refuses what git refuses to check out (its
/// verify_path with core.protectHFS and core.protectNTFS): the empty name, ".", "..", a name with a
/// slash or NUL, and everything that some file system takes for ".git": other case, "git~1",
/// trailing dots and spaces, an alternate stream, Unicode characters that HFS+ ignores.
bool is_safe_entry_name(std::string_view name);

}  // namespace freshet::checkout
