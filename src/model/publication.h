#pragma once

#include <optional>
#include <string>

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
};

class PublicationSink {
 public:
  virtual ~PublicationSink() = default;
  /// Called by a refresh worker right after the switch; must not block on what follows from it.
  virtual void published(const Publication& publication) = 0;
};

}  // namespace freshet
