#include "checkout/worktree_repair.h"

#include "base/files.h"
#include "base/log.h"
#include "checkout/building_place.h"
#include "checkout/git_folder.h"
#include "checkout/slot_directory.h"
#include "checkout/tree_repair.h"
#include "checkout/worktree.h"
#include "mirror/git2.h"

namespace freshet::checkout {
namespace {

namespace git2 = mirror::git2;

/// False also where the mirror cannot be read.
bool has_commit(const std::string& mirror_path, const ObjectId& commit) {
  const auto repository = git2::open_bare(mirror_path);
  const auto id = git2::to_oid(commit);
  git_object* object = nullptr;
  const bool is_there = repository && id &&
                        git_object_lookup(&object, repository->get(), &*id, GIT_OBJECT_COMMIT) == 0;
  const git2::Object owner(object);
  return is_there;
}

Result<void> repair(const std::string& mirror_path, const Spare& tree) {
  if (!is_sound(mirror_path, tree.place, tree.commit)) {
    FRESHET_TRY(const auto entries, unseen_entries(mirror_path, tree.commit));
    log::warning("git's files of a tree were damaged and are written anew", {{"tree", tree.place}});
    return replace_worktree(mirror_path, tree.place, tree.commit, encode_index(entries),
                            repair_name(tree.commit));
  }
  return move_worktree(tree.place, tree.place);
}

Result<void> repair_slot(const SlotDirectory& slots, const std::string& mirror_path,
                         const Spare& tree) {
  if (!path_exists(tree.place + "/.git")) {
    return {};  // a publication that wants it makes it
  }
  const bool is_spare = tree.place == slots.spare_place(tree.commit);
  if (has_commit(mirror_path, tree.commit) &&
      (!is_spare || is_sound(mirror_path, tree.place, tree.commit))) {
    return repair(mirror_path, tree);
  }
  FRESHET_CHECK(detach_worktree(mirror_path, tree.place));
  if (is_spare) {
    FRESHET_TRY(const std::string trash, slots.move_to_trash(tree.place));
    return remove_slot(slots.layout(), trash);
  }
  return {};
}

Result<void> repair_slots(const SlotDirectory& slots, const std::string& mirror_path) {
  FRESHET_TRY(const auto trees, complete_trees(slots));
  Result<void> failure;
  for (const Spare& tree : trees) {
    auto repaired = repair_slot(slots, mirror_path, tree);
    if (!repaired && failure) {
      failure = std::move(repaired);
    }
  }
  return failure;
}

Result<void> repair_in_place(const CheckoutSpec& spec, const std::string& mirror_path) {
  const auto current = read_current(spec.path);
  if (!spec.git || !current) {
    return {};  // what is under way is the next publication's
  }
  return has_commit(mirror_path, current->commit)
             ? repair(mirror_path, {spec.path, current->commit})
             : detach_worktree(mirror_path, spec.path);
}

}  // namespace

Result<void> repair_worktrees(const CheckoutSpec& spec, const std::string& mirror_path) {
  const Layout layout(spec.path);
  if (!is_directory(layout.directory)) {
    return {};
  }
  const bool in_place = spec.mode == "in_place";
  FRESHET_TRY(const SlotDirectory slots,
              in_place ? SlotDirectory::claim_beside(spec.path) : SlotDirectory::claim(spec.path));
  auto repaired = in_place ? repair_in_place(spec, mirror_path) : repair_slots(slots, mirror_path);
  FRESHET_CHECK(prune_worktrees(mirror_path, in_place ? spec.path : layout.directory));
  return repaired;
}

Result<void> remove_broken_worktrees(const std::string& mirror_path) {
  const std::string folders = mirror_path + "/worktrees";
  if (!is_directory(folders)) {
    return {};
  }
  FRESHET_TRY(const auto names, list_directory(folders));
  for (const std::string& name : names) {
    const std::string folder = folders + "/" + name;
    const std::string head = read_file(folder + "/HEAD", 256).value_or("");
    const auto commit = ObjectId::parse(head.substr(0, head.find('\n')));
    // A person may have gone to a branch in a tree of ours.
    const bool is_readable =
        head.starts_with("ref: refs/") || (commit && has_commit(mirror_path, *commit));
    if (name.starts_with("freshet-") && !is_readable) {
      log::warning("git's files of a tree that is not followed any more are damaged and removed",
                   {{"folder", folder}});
      FRESHET_CHECK(remove_tree(folder));
    }
  }
  return {};
}

}  // namespace freshet::checkout
