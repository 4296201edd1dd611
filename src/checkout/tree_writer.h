#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/index_file.h"
#include "checkout/tree_diff.h"
#include "model/ids.h"

namespace freshet::checkout {

/// A tree to write in, and how.
struct WriteTarget {
  std::string directory;
  std::optional<gid_t> group;  ///< of every file and directory written; nullopt: the process's own
  /// Empty: nobody looks at the tree yet, and what is there is what the plan expects. Otherwise
  /// readers are at work in it, and people may have files of their own in it: each file is written
  /// under this name in its directory and renamed; what is in the way and not of the plan is error
  /// conflict, and directories that are not empty stay.
  std::string beside;
  /// Bytes that stay free meanwhile, but for a few; less is error no_space. 0: no limit.
  std::uint64_t min_free_disk = 0;
};

/// Carries out a plan: brings a tree to a commit, read from a bare mirror.
///
/// Every file is a new one, created with O_EXCL below a directory descriptor, and no symbolic link
/// is ever followed: nothing lands outside, whatever the commit or an earlier one contains, and
/// nothing changes in other trees that share files by hard links. Line endings and $Id$ are written
/// as the commit's .gitattributes say; no other filter exists. Submodules become empty directories.
/// On success everything is synced, and the answer is what was written with the file system's view
/// of it, as git's index wants it. Error corrupt: an object is missing, or the commit asks for
/// something impossible; no_space; conflict: cancelled. What was written until then stays. The
/// process's umask must be 022. Large plans are carried out by two threads, which end with the
/// call.
Result<std::vector<IndexEntry>> write_tree(const std::string& mirror_path, const ObjectId& commit,
                                           const TreePlan& plan, const WriteTarget& target,
                                           const CancelToken& cancel);

}  // namespace freshet::checkout
