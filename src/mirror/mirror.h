#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.h"
#include "base/git_environment.h"
#include "base/result.h"
#include "mirror/git2.h"
#include "mirror/update_ref.h"
#include "model/ids.h"

namespace freshet::mirror {

/// Ref changes to make, in this order: what stands in the way of a new name goes first
/// (refs/heads/a before refs/heads/a/b), other deletions last, so that a crash in between loses
/// nothing.
struct RefChanges {
  std::vector<RefName> clear_first;
  std::map<RefName, ObjectId> set;
  std::vector<RefName> delete_last;
  std::map<RefName, ObjectId> keep = {};  ///< below refs/freshet/lost/: set before anything goes
  /// `keep` alone is no reason to change anything.
  bool empty() const { return clear_first.empty() && set.empty() && delete_last.empty(); }
};

/// Pure: from what the mirror has to what the upstream answered. `current` holds the followed refs
/// only, so whatever `wanted` lacks is deleted.
RefChanges plan_ref_changes(const std::map<RefName, ObjectId>& current,
                            const std::map<RefName, ObjectId>& wanted);

/// The bare repository that holds what was fetched. Always a valid git repository: refs move only
/// after what they point to is complete. An object of this class belongs to one thread and is
/// opened for one operation; the lock belongs to whoever refreshes.
class Mirror {
 public:
  /// Creates it when missing (a half-made one is completed), and holds its lock until the object is
  /// gone. Error conflict, with the number of the process: another one, or a child of a killed one,
  /// still works on it after two seconds. The environment must outlive it.
  static Result<Mirror> open_or_create(const std::string& path, const GitEnvironment& environment);

  /// To be called before anything is changed in it, and after all of it was. The begin removes what
  /// interrupted work left behind: git's stale lock files, which under our lock nobody can own,
  /// packs that never became complete, and refs/freshet/incoming/. A crash or a failure before the
  /// end makes the next open_or_create do so at once.
  Result<void> begin_work();
  void end_work();

  const std::string& path() const { return path_; }
  int lock_descriptor() const { return lock_.descriptor(); }
  GitPlace place() const { return {path_, *environment_, lock_.descriptor()}; }

  /// Every ref but those below refs/freshet/; object ids as stored, tags not peeled.
  Result<std::map<RefName, ObjectId>> refs() const;
  Result<std::optional<ObjectId>> find(const RefName& ref) const;
  /// The names below refs/freshet/lost/.
  Result<std::vector<RefName>> lost_refs() const;
  Result<void> forget_lost(const std::vector<RefName>& refs);
  bool has(const ObjectId& id) const;
  /// The tips and some of their ancestors in growing steps: what a fetch tells the upstream that it
  /// need not send.
  std::vector<ObjectId> haves(const std::vector<ObjectId>& tips) const;
  /// Whether `ancestor` is reachable from `descendant`, or the same.
  Result<bool> is_ancestor(const ObjectId& ancestor, const ObjectId& descendant) const;
  /// Whether `ref` was ever at `commit` or beyond it, as far as is known: from `earlier`, its value
  /// before this refresh, and from what the upstream took back of it.
  bool has_been_at(const RefName& ref, const ObjectId& commit,
                   const std::optional<ObjectId>& earlier) const;
  /// See mirror/connectivity.h.
  Result<bool> prove_connected(const std::vector<ObjectId>& tips,
                               const std::vector<ObjectId>& known) const;
  /// The commit that an object id means: itself, or what an annotated tag points to. Error
  /// corrupt when the object is missing or no commit.
  Result<ObjectId> peel_to_commit(const ObjectId& id) const;

  /// Applies the changes; each of the three groups as one transaction. A ref is set only to what is
  /// there with its tree (error corrupt). Then removes refs/freshet/incoming/.
  Result<void> apply(const RefChanges& changes);
  /// Makes HEAD a symbolic ref to `branch`.
  Result<void> set_head(const RefName& branch);
  Result<std::optional<RefName>> head() const;

 private:
  Mirror(std::string path, FileLock lock, const GitEnvironment& environment,
         git2::Repository repository);
  Result<void> clean();

  std::string path_;
  FileLock lock_;
  const GitEnvironment* environment_;
  git2::Repository repository_;
  bool working_ = false;  ///< between begin_work and end_work
};

}  // namespace freshet::mirror
