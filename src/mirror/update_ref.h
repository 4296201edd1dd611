#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/git_environment.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet::mirror {

/// Where and how git may work on a mirror. The lock's descriptor goes into the child, so that it
/// cannot outlive the lock.
struct GitPlace {
  std::string mirror;
  const GitEnvironment& environment;
  int lock_descriptor;
};

/// Ref changes by one `git update-ref --stdin` each, which is one transaction: every change or
/// none. Quicker than libgit2 from about twenty refs on, and for any deletion beside many packed
/// refs. Blocks; ends after ten minutes at the latest. What changed is on the disk on return.
Result<void> update_refs(const GitPlace& place, const std::map<RefName, ObjectId>& set);
/// Names that do not exist are fine.
Result<void> delete_refs(const GitPlace& place, const std::vector<RefName>& refs);

}  // namespace freshet::mirror
