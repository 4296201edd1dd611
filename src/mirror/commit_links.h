#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "mirror/git2.h"
#include "model/ids.h"

namespace freshet::mirror::git2 {

/// What a commit leads to. libgit2's own reader refuses the odd authors and dates that old
/// histories are full of and that git reads (see remote/object_flaws.h); this one does not look at
/// them.
struct CommitLinks {
  git_oid tree{};
  std::vector<git_oid> parents;
};
/// Error corrupt: the object is missing, damaged, or no commit.
Result<CommitLinks> read_commit(git_repository* repository, const git_oid& id);
Result<CommitLinks> read_commit(git_repository* repository, const ObjectId& id);

/// Whether `ancestor` is among what `commit` leads to. nullopt: not within the nearest thousand
/// commits, nor known to be nowhere; libgit2 looks through a long history with less effort, but
/// gives up, and loses a little memory, at a commit that it cannot read.
std::optional<bool> leads_to(git_repository* repository, const git_oid& commit,
                             const git_oid& ancestor);

/// What an object leads to when tags are followed: itself, unless it is one.
struct Peeled {
  git_oid id{};
  git_object_t type = GIT_OBJECT_INVALID;
};
/// Errors: as read_commit().
Result<Peeled> peel_tags(git_repository* repository, const ObjectId& id);

}  // namespace freshet::mirror::git2
