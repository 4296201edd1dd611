#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/ids.h"
#include "model/publication.h"

namespace freshet::mirror {

// Questions about the commits of a bare repository. They change nothing and need no lock. Any
// thread; each call opens the repository anew. Error not_found: an object is missing.

/// The paths in which two commits differ, in git's order; without `old_commit` everything that the
/// new one has. At most `most` of them.
Result<ChangedPaths> changed_paths(const std::string& mirror,
                                   const std::optional<ObjectId>& old_commit,
                                   const ObjectId& new_commit, std::size_t most);

/// Whether `commit` is `descendant` or one of its ancestors. False too when the mirror lacks it.
Result<bool> contains(const std::string& mirror, const ObjectId& descendant,
                      const ObjectId& commit);

/// Whether a branch or tag contains the commit.
Result<bool> any_ref_contains(const std::string& mirror, const ObjectId& commit);

/// What HEAD points to; nullopt when it names no branch.
Result<std::optional<RefName>> head_of(const std::string& mirror);
/// The first of the refs that exists.
Result<std::optional<RefName>> first_of(const std::string& mirror,
                                        const std::vector<RefName>& refs);

}  // namespace freshet::mirror
