#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "mirror/git2.h"
#include "model/ids.h"

namespace freshet::mirror {

/// How much prove_connected() looks at before it leaves the rest to git.
struct ProofLimits {
  std::size_t commits = 1000;
  std::size_t objects = 50'000;  ///< trees, and files that are not in a known tree at that place
  int depth = 1000;              ///< directories inside one another: each takes some of the stack
};

/// Whether all that `tips` lead to is there. `known` are commits that are complete: the mirror's
/// refs, and ancestors of theirs. Reads the commits in between and, of their trees, what differs
/// from the first parent's, so that it costs what the change does. False: it cannot tell within the
/// limits, as for a tip that is no commit, or a history that is cut off. Error corrupt: something
/// is missing, or is not what it should be (said which). One thread.
Result<bool> prove_connected(git_repository* repository, const std::vector<ObjectId>& tips,
                             const std::vector<ObjectId>& known, const ProofLimits& limits = {});

}  // namespace freshet::mirror
