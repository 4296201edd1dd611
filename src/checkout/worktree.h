#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/ids.h"

namespace freshet::checkout {

/// Makes a tree a linked working tree of the mirror, as `git worktree add --detach` would: a .git
/// file in the tree, and an administrative folder `worktrees/ID` with HEAD, index and the way back
/// (gitrepository-layout(5)). `git log` and `git status` then work in it and are clean.

/// Writes both, synced. `tree` is where the files lie now, `final_path` where they will be when
/// somebody runs git. `index` is the content of git's index; read_record() answers it, whatever git
/// makes of its own copy.
Result<void> attach_worktree(const std::string& mirror_path, const std::string& tree,
                             const std::string& final_path, const ObjectId& commit,
                             std::string_view index);

/// The same for a tree in which people are at work, and which may have a .git already: it changes
/// by one rename, from the name `beside`.
Result<void> replace_worktree(const std::string& mirror_path, const std::string& tree,
                              const ObjectId& commit, std::string_view index,
                              const std::string& beside);

/// The index that attach_worktree was given for the tree. Error: there is none, or (corrupt) it was
/// changed since.
Result<std::string> read_record(const std::string& tree);

/// Notes in the mirror that the tree is going to be at `final_path`.
Result<void> move_worktree(const std::string& tree, const std::string& final_path);

/// Whether the tree is such a working tree of this mirror and commit.
bool is_attached(const std::string& mirror_path, const std::string& tree, const ObjectId& commit);

/// Whether, in addition, both indexes are whole. Reads them.
bool is_sound(const std::string& mirror_path, const std::string& tree, const ObjectId& commit);

/// Removes the .git file, and the administrative folder that it names inside this mirror.
Result<void> detach_worktree(const std::string& mirror_path, const std::string& tree);

/// The administrative folder that the tree's .git file names; empty: none.
std::string worktree_folder(const std::string& tree);

/// Removes the mirror's administrative folders for trees at or below `directory` that are gone or
/// use another folder: what a crash leaves.
Result<void> prune_worktrees(const std::string& mirror_path, const std::string& directory);

}  // namespace freshet::checkout
