#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/result.h"
#include "checkout/sweep_plan.h"
#include "model/ids.h"

namespace freshet::checkout {

/// Where the trees of a checkout lie: for /srv/docs the link /srv/docs and the directory
/// /srv/.docs.freshet beside it.
struct Layout {
  explicit Layout(const std::string& checkout_path);
  std::string link;                                     ///< what readers open
  std::string parent;                                   ///< holds both
  std::string directory;                                ///< holds the slots
  std::string target_of(const ObjectId& commit) const;  ///< relative, as the link has it
  std::string slot(const ObjectId& commit) const;       ///< absolute
};

/// A complete tree that nobody reads, to make the next one of.
struct Spare {
  std::string place;
  ObjectId commit;
};

/// The directory of one checkout's trees, locked against other users while this object lives.
/// Invariant on disk: a directory whose name is a full commit hash, or "spare." and one, is a
/// complete tree of that commit; the latter is nobody's to read.
class SlotDirectory {
 public:
  /// Makes the directory when nothing is there. Error conflict: `checkout_path`, or the directory
  /// beside it, exists and is not freshet's (nothing is touched then), or another process works in
  /// it.
  static Result<SlotDirectory> claim(const std::string& checkout_path);
  /// The directory alone, for a path that is no link.
  static Result<SlotDirectory> claim_beside(const std::string& checkout_path);

  const Layout& layout() const { return layout_; }
  std::optional<ObjectId> current() const;
  bool has(const ObjectId& commit) const;
  /// The longest unused first. Not those that somebody holds (hold_tree).
  std::vector<Spare> spares() const;
  /// Of every complete tree, spares included.
  std::set<ObjectId> commits() const;
  std::string spare_place(const ObjectId& commit) const;

  /// An empty directory to build a tree in; it is removed by a later sweep unless it is promoted.
  Result<std::string> create_building_place(const ObjectId& commit) const;
  /// Makes a spare such a directory, which is not empty then.
  Result<std::string> take(const Spare& spare, const ObjectId& commit) const;
  /// Leaves a spare to the next sweep.
  void discard(const Spare& spare) const;
  /// Gives a finished, synced tree its commit's name.
  Result<void> promote(const std::string& building_place, const ObjectId& commit) const;
  /// Keeps such a tree as a spare.
  Result<void> keep_as_spare(const std::string& tree, const ObjectId& commit) const;
  /// Makes `commit`, whose slot is complete, what readers see, by one rename; durable on return.
  Result<void> switch_to(const ObjectId& commit) const;

  /// Moves what plan_sweep names out of the way and returns the places to delete; the caller
  /// deletes them without holding this object. `reuse`, `next`: see SweepPlan.
  struct Swept {
    std::vector<std::string> trash;
    std::vector<ObjectId> reuse;
    std::optional<WallTime> next;
  };
  Result<Swept> sweep(WallTime now, Duration keep_old, std::size_t most_spares) const;
  /// What became of a slot that a sweep called to be reused, if that still holds.
  bool is_due(const ObjectId& commit, WallTime now, Duration keep_old) const;
  Result<std::string> move_to_trash(const std::string& place) const;

 private:
  SlotDirectory(Layout layout, FileLock lock)
      : layout_(std::move(layout)), lock_(std::move(lock)) {}
  Result<void> mark_retired(const std::string& name) const;
  std::map<std::string, WallTime> retired(const std::vector<std::string>& names) const;
  std::string new_place(std::string_view kind) const;

  Layout layout_;
  FileLock lock_;
};

/// While it lives, the tree is not taken for another commit.
Result<UniqueFd> hold_tree(const std::string& tree);

/// The commit that is published at a checkout's path, and since when. nullopt: there is no link of
/// ours, nor a tree that was published in place and is not on its way to another commit. Takes no
/// lock.
struct CurrentTree {
  ObjectId commit;
  WallTime switched_at{};
};
std::optional<CurrentTree> read_current(const std::string& checkout_path);

}  // namespace freshet::checkout
