#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet::checkout {

/// What a checkout shall look like.
struct CheckoutSpec {
  std::string path;             ///< absolute
  std::string ref;              ///< as configured; "HEAD": the upstream's default branch
  std::string mode = "atomic";  ///< or "in_place"
  Duration keep_old{std::chrono::seconds(60)};
  bool git = true;  ///< with a .git that makes it a working tree of the mirror
  /// Name of the group that published files belong to; empty: the process's own.
  std::string group;
  /// Bytes; while less is free, no tree is kept but those that somebody may read. 0: no limit.
  std::uint64_t min_free_disk = 0;
};

struct Published {
  std::optional<ObjectId> old_commit;
  bool changed = false;  ///< a switch was made
};

/// Judges a complete tree that nobody can see yet; an error keeps it from being published.
using TreeCheck = std::function<Result<void>(const std::string& tree)>;

/// Makes `commit` of the mirror at `mirror_path` the tree at the checkout's path. Nothing is
/// written when it is there already; a tree of that commit which is still kept is used again; else
/// one that nobody reads any more is brought to the commit by what differs, or a new one is made.
/// `check`, where there is one, is asked right before readers would see another commit than they
/// do. On failure readers see what they saw. Error classes: those of `check`, config (permissions,
/// an unknown group), corrupt (the commit holds what must not be written), no_space, conflict (a
/// foreign path, somebody else publishes there, or cancelled). Blocks; one call at a time for one
/// mirror.
Result<Published> publish(const CheckoutSpec& spec, const std::string& mirror_path,
                          const ObjectId& commit, const CancelToken& cancel,
                          const TreeCheck& check = {});

/// Removes trees that nobody needs any more and leftovers of interrupted work, and keeps a spare of
/// what may be used again. Returns when the next tree may go. Error conflict: a publication is
/// under way.
Result<std::optional<WallTime>> sweep(const CheckoutSpec& spec, const std::string& mirror_path);

/// Makes sure that the next publication finds a spare tree: where none is there, the current tree
/// is made a second time by hard links. Takes long; publications go on meanwhile.
Result<void> prepare_spare(const CheckoutSpec& spec, const std::string& mirror_path,
                           const CancelToken& cancel);

}  // namespace freshet::checkout
