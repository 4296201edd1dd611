#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "checkout/index_file.h"

namespace freshet::checkout {

/// Gives the tracked files of a tree, their directories and at last the tree itself to a group: for
/// one that was published before the configuration asked for it. Follows no symbolic link; what is
/// missing is left to whoever looks for drift. Other trees that share the files see it too. Error
/// config: not permitted.
Result<void> regroup(const std::string& tree, const std::vector<TreeEntry>& entries, gid_t group);

}  // namespace freshet::checkout
