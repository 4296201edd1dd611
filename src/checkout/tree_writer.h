#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/index_file.h"
#include "model/ids.h"

namespace freshet::checkout {

/// Writes the tree of a commit, read from a bare mirror, into an empty directory of ours.
///
/// Every file is created with O_EXCL below a directory descriptor and no symbolic link is ever
/// followed, so nothing lands outside, whatever the commit contains. Line endings and $Id$ are
/// written as the commit's .gitattributes say; no other filter exists. Submodules become empty
/// directories. The process's umask must be 022. One thread.
class TreeWriter {
 public:
  /// `group`: the group of every file and directory written, nullopt: the process's own.
  TreeWriter(std::string mirror_path, std::optional<gid_t> group)
      : mirror_path_(std::move(mirror_path)), group_(group) {}

  /// Writes everything, and returns what was written with the file system's view of it, as git's
  /// index wants it. Error corrupt: an object is missing or a name must not be written (said
  /// which); conflict: cancelled. What was written until then stays for the caller to remove.
  Result<std::vector<IndexEntry>> write(const ObjectId& commit, const std::string& directory,
                                        const CancelToken& cancel) const;

 private:
  std::string mirror_path_;
  std::optional<gid_t> group_;
};

/// Every path of a commit's tree, without reading a file's content.
Result<std::vector<TreeEntry>> list_tree(const std::string& mirror_path, const ObjectId& commit);

}  // namespace freshet::checkout
