#pragma once

#include <string>
#include <unordered_set>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/drift.h"
#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "checkout/tree_diff.h"
#include "model/ids.h"

namespace freshet::checkout {

/// What a repair writes under before it renames. No file of the commit can be called so: its name
/// would contain the hash of itself.
std::string repair_name(const ObjectId& commit);

/// Those of a commit's paths that are not in `tree` as they have to be; `only`: nothing but these
/// is looked at. Error conflict: cancelled.
Result<TreePlan> differences(const std::string& tree, const std::string& mirror_path,
                             const ObjectId& commit, DriftCheck check,
                             const std::unordered_set<std::string>* only,
                             const CancelToken& cancel);

/// Writes anew those of `paths` that are not in the tree as its commit has them, and says so in the
/// tree's index. Errors: as write_tree(); in place what can be repaired is, whatever fails.
Result<void> repair_tree(const CheckoutSpec& spec, const std::string& mirror_path,
                         const Spare& tree, const std::unordered_set<std::string>& paths,
                         const CancelToken& cancel);

/// Every tree of an atomic checkout: the spares, and those that somebody may read.
Result<std::vector<Spare>> complete_trees(const SlotDirectory& slots);

/// The same in every tree of an atomic checkout but `done`: trees share files by hard links. An
/// error only of the tree that is published; a spare that cannot be repaired goes.
Result<void> repair_trees(const CheckoutSpec& spec, const std::string& mirror_path,
                          const SlotDirectory& slots, const std::unordered_set<std::string>& paths,
                          const CancelToken& cancel, const std::string& done = "");

}  // namespace freshet::checkout
