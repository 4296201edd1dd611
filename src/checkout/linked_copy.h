#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/index_file.h"

namespace freshet::checkout {

/// Makes the tree at `from` a second time in the empty directory `to`, by hard links where the file
/// system allows another one, else by copies. Takes the `entries` alone, whatever else lies there.
/// Synced on success. Error: something is missing or of another kind (class corrupt), no_space,
/// cancelled (conflict); what was made stays. `group`: as in WriteTarget.
Result<void> link_tree(const std::string& from, const std::string& to,
                       const std::vector<TreeEntry>& entries, std::optional<gid_t> group,
                       const CancelToken& cancel);

/// Whether the tree holds exactly these paths, each of its type and mode; .git at the top does not
/// count. Reads no file.
bool holds_exactly(const std::string& tree, const std::vector<TreeEntry>& entries);

}  // namespace freshet::checkout
