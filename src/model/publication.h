#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/trigger.h"

namespace freshet {

/// A tree became visible at a path.
struct Publication {
  RepositoryName repository;
  std::string path;  ///< of the checkout
  std::string tree;  ///< the directory that holds the new tree
  RefName ref;
  std::optional<ObjectId> old_commit;
  ObjectId new_commit;
  Cause cause = Cause::poll;
  RefreshNumber refresh = 0;
};

/// What an update changed in the tree.
struct ChangedPaths {
  std::vector<std::string> paths;
  bool truncated = false;  ///< there are more
};

/// Decides about commits before anybody can see their trees. Thread-safe.
class PublicationGate {
 public:
  virtual ~PublicationGate() = default;
  /// Before the tree is made. Whether it is to be judged when it is complete. Error conflict: the
  /// commit was refused earlier, and nobody asks to try again.
  virtual Result<bool> admit(const Publication& candidate) = 0;
  /// The tree is complete and not published. Blocks. Error conflict: refused, or cancelled; config:
  /// cannot be judged.
  virtual Result<void> judge(const Publication& candidate, const CancelToken& cancel) = 0;
};

class PublicationSink {
 public:
  virtual ~PublicationSink() = default;
  /// Called by a refresh worker right after the switch; must not block on what follows from it.
  virtual void published(const Publication& publication) = 0;
};

}  // namespace freshet
