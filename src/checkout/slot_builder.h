#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "model/ids.h"

namespace freshet::checkout {

/// What the building of a tree needs to know.
struct Construction {
  const CheckoutSpec& spec;
  const std::string& mirror_path;
  const SlotDirectory& slots;
  std::optional<gid_t> group;  ///< of all files; nullopt: the process's own
};

/// Error config: there is no such group. Empty name: nullopt.
Result<std::optional<gid_t>> find_group(const std::string& name);

/// Makes the slot of `commit`: of a spare by what differs, else of links to the current tree and
/// what differs, else of the commit alone. On failure nothing is left. Errors: as write_tree().
Result<void> build_slot(const Construction& construction, const ObjectId& commit,
                        const CancelToken& cancel);

/// The group that files written now belong to.
gid_t group_of_new_files(const Construction& construction);

/// Whether that is the one of the tree.
bool has_same_group(const std::string& tree, const Construction& construction);

}  // namespace freshet::checkout
