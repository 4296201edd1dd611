#pragma once

#include <ctime>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "model/ids.h"

namespace freshet::checkout {

/// A tree of ours while somebody else's program judges it: what that leaves in it is not published.
/// Used by one thread, which holds the checkout's SlotDirectory.
class JudgedTree {
 public:
  /// To be made before the program starts. `is_new`: the tree was written just now; else an earlier
  /// judgement may have left something in it, and all its files are read again.
  static Result<JudgedTree> begin(const std::string& tree, bool is_new);

  /// Makes the tree what the commit has, to the last file, and git's view of it clean: removes what
  /// does not belong there, and writes anew what was changed since, in every tree that shares the
  /// file by a hard link. Passes over the whole tree and reads what changed. Errors: as
  /// write_tree().
  Result<void> restore(const CheckoutSpec& spec, const std::string& mirror_path,
                       const SlotDirectory& slots, const ObjectId& commit,
                       const CancelToken& cancel) const;

 private:
  JudgedTree(std::string tree, timespec since) : tree_(std::move(tree)), since_(since) {}

  const std::string tree_;
  const timespec since_;  ///< by the file system's own clock
};

}  // namespace freshet::checkout
