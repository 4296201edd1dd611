#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.h"
#include "base/git_environment.h"
#include "base/result.h"
#include "mirror/git2.h"
#include "model/ids.h"

namespace freshet::mirror {

/// Ref changes to make, in this order: what stands in the way of a new name goes first (refs/heads/a
/// before refs/heads/a/b), other deletions last, so that a crash in between loses nothing.
struct RefChanges {
  std::vector<RefName> clear_first;
  std::map<RefName, ObjectId> set;
  std::vector<RefName> delete_last;
  bool empty() const { return clear_first.empty() && set.empty() && delete_last.empty(); }
};

/// Pure: from what the mirror has to what the upstream answered. `current` holds the followed refs
/// only, so whatever `wanted` lacks is deleted.
RefChanges plan_ref_changes(const std::map<RefName, ObjectId>& current,
                            const std::map<RefName, ObjectId>& wanted);

/// The bare repository that holds what was fetched. Always a valid git repository: refs move only
/// after what they point to is complete. An object of this class belongs to one thread and is opened
/// for one operation; the lock belongs to whoever refreshes.
class Mirror {
 public:
  /// Creates it when missing (a half-made one is completed). Error conflict: another process, or a
  /// child of a killed one, works on it. What interrupted work left behind is removed: git's stale
  /// lock files, which under our lock nobody can own, and packs that never became complete.
  static Result<Mirror> open_or_create(const std::string& path, const GitEnvironment& environment);

  /// To be called before anything is changed in it, and after all of it was: what happens in
  /// between, a crash or a failure, makes the next open_or_create clean up.
  Result<void> begin_work();
  void end_work();

  const std::string& path() const { return path_; }
  int lock_descriptor() const { return lock_.descriptor(); }

  /// Every ref but those below refs/freshet/; object ids as stored, tags not peeled.
  Result<std::map<RefName, ObjectId>> refs() const;
  Result<std::optional<ObjectId>> find(const RefName& ref) const;
  /// The commit that an object id means: itself, or what an annotated tag points to. Error
  /// not_found when the object is missing, corrupt when it is no commit.
  Result<ObjectId> peel_to_commit(const ObjectId& id) const;

  /// Applies the changes; each of the three groups as one transaction.
  Result<void> apply(const RefChanges& changes);
  /// Makes HEAD a symbolic ref to `branch`.
  Result<void> set_head(const RefName& branch);
  Result<std::optional<RefName>> head() const;

 private:
  Mirror(std::string path, FileLock lock, const GitEnvironment& environment,
         git2::Repository repository);
  Result<void> set_few(const std::map<RefName, ObjectId>& refs);
  Result<void> update_by_git(const std::string& commands);

  std::string path_;
  FileLock lock_;
  const GitEnvironment* environment_;
  git2::Repository repository_;
};

}  // namespace freshet::mirror
