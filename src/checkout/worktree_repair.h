#pragma once

#include <string>

#include "base/result.h"
#include "checkout/publisher.h"

namespace freshet::checkout {

/// Looks through what git keeps in the mirror of each of the checkout's trees (worktree.h), and
/// writes anew what is damaged or another tree's, so that git works in the tree again. A tree whose
/// commit is not in the mirror, as after that was made anew, stops being a working tree. Removes
/// folders that no tree uses. Reads all indexes. Errors: the first that was met, once everything
/// was looked at; conflict: a publication is under way.
Result<void> repair_worktrees(const CheckoutSpec& spec, const std::string& mirror_path);

/// Removes folders of ours whose HEAD names no commit of the mirror, for one of them makes `git
/// fsck` of the whole mirror fail. To be called once all checkouts are repaired: what is left is of
/// trees that nobody looks after any more.
Result<void> remove_broken_worktrees(const std::string& mirror_path);

}  // namespace freshet::checkout
