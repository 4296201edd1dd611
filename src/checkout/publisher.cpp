#include "checkout/publisher.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>

#include "base/files.h"
#include "base/log.h"
#include "checkout/building_place.h"
#include "checkout/candidate.h"
#include "checkout/git_folder.h"
#include "checkout/in_place.h"
#include "checkout/judged_tree.h"
#include "checkout/linked_copy.h"
#include "checkout/regroup.h"
#include "checkout/slot_builder.h"
#include "checkout/slot_directory.h"
#include "checkout/sweep_plan.h"
#include "checkout/tree_diff.h"
#include "checkout/worktree.h"
#include "mirror/slot_refs.h"

namespace freshet::checkout {
namespace {

/// Whether a tree past its time is as it was, so that it can serve again: people leave files in
/// what they read.
bool can_serve_again(const Layout& layout, const std::string& mirror_path, const ObjectId& commit) {
  const auto entries = list_tree(mirror_path, commit);
  return entries && holds_exactly(layout.slot(commit), *entries);
}

/// Makes spares of trees whose time is over; returns those that have to go instead.
Result<std::vector<std::string>> keep_spares(const CheckoutSpec& spec,
                                             const std::string& mirror_path,
                                             const std::vector<ObjectId>& due) {
  std::vector<ObjectId> good;
  std::copy_if(due.begin(), due.end(), std::back_inserter(good), [&](const ObjectId& commit) {
    return can_serve_again(Layout(spec.path), mirror_path, commit);
  });
  std::vector<std::string> trash;
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
  for (const ObjectId& commit : due) {
    if (!slots.is_due(commit, wall_now(), spec.keep_old)) {
      continue;  // published again meanwhile
    }
    const std::string tree = slots.layout().slot(commit);
    const bool is_good = std::find(good.begin(), good.end(), commit) != good.end();
    if (is_good &&
        (!path_exists(tree + "/.git") || move_worktree(tree, slots.spare_place(commit)))) {
      FRESHET_CHECK(slots.keep_as_spare(tree, commit));
    } else {
      FRESHET_TRY(std::string place, slots.move_to_trash(tree));
      trash.push_back(std::move(place));
    }
  }
  return trash;
}

/// What is compared with the next commit must stay in the mirror. With git = true the trees' own
/// HEADs see to it. A failure costs time later, and nothing else.
void keep_commits(const CheckoutSpec& spec, const std::string& mirror_path,
                  const std::set<ObjectId>& commits) {
  const auto kept =
      mirror::keep_slot_commits(mirror_path, spec.path, spec.git ? std::set<ObjectId>() : commits);
  if (!kept) {
    log::info("the commits of the published trees are not kept",
              {{"path", spec.path}, {"error", kept.error().message}});
  }
}

/// Asks the check, and publishes nothing of what it leaves behind: not now, and not when the tree
/// of a refused commit serves again.
Result<void> judge(const Construction& construction, const std::string& tree,
                   const ObjectId& commit, bool is_new, const CancelToken& cancel,
                   const TreeCheck& check) {
  FRESHET_TRY(const JudgedTree judged, JudgedTree::begin(tree, is_new));
  const Result<void> verdict = check(tree);
  Result<void> restored = judged.restore(construction.spec, construction.mirror_path,
                                         construction.slots, commit, cancel);
  FRESHET_CHECK(verdict);
  return restored;
}

/// In place no tree is ever replaced as a whole; only what was interrupted leaves something beside
/// it.
Result<void> sweep_beside(const Layout& layout) {
  FRESHET_TRY(auto names, list_directory(layout.directory));
  names.erase(std::remove_if(names.begin(), names.end(), std::not_fn(is_leftover)), names.end());
  if (names.empty()) {
    return {};
  }
  std::vector<std::string> trash;
  {
    FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim_beside(layout.link));
    for (const std::string& name : names) {
      const std::string place = layout.directory + "/" + name;
      if (path_exists(place)) {  // a check that ended meanwhile removed its own
        FRESHET_TRY(std::string moved, slots.move_to_trash(place));
        trash.push_back(std::move(moved));
      }
    }
  }
  for (const std::string& tree : trash) {
    FRESHET_CHECK(remove_slot(layout, tree));
  }
  return {};
}

}  // namespace

Result<Published> publish(const CheckoutSpec& spec, const std::string& mirror_path,
                          const ObjectId& commit, const CancelToken& cancel,
                          const TreeCheck& check) {
  if (spec.mode == "in_place") {
    const auto current = read_current(spec.path);
    if (check && (!current || current->commit != commit)) {
      FRESHET_CHECK(check_candidate(spec, mirror_path, commit, cancel, check));
    }
    FRESHET_TRY(const Published published, publish_in_place(spec, mirror_path, commit, cancel));
    keep_commits(spec, mirror_path, {commit});
    return published;
  }
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
  Published published;
  published.old_commit = slots.current();
  if (published.old_commit != commit || !slots.has(commit)) {
    FRESHET_CHECK(prune_worktrees(mirror_path, slots.layout().directory));
  }
  FRESHET_TRY(const auto group, find_group(spec.group));
  const Construction construction{spec, mirror_path, slots, group};
  const std::string tree = slots.layout().slot(commit);
  if (slots.has(commit)) {
    FRESHET_CHECK(adjust_git(spec, mirror_path, tree, commit));
    if (!has_same_group(tree, construction)) {
      FRESHET_TRY(const auto entries, list_tree(mirror_path, commit));
      FRESHET_CHECK(regroup(tree, entries, group_of_new_files(construction)));
    }
  } else {
    FRESHET_CHECK(build_slot(construction, commit, cancel));
    published.changed = true;
  }
  if (published.old_commit != commit) {
    if (check) {
      FRESHET_CHECK(judge(construction, tree, commit, published.changed, cancel, check));
    }
    FRESHET_CHECK(slots.switch_to(commit));
    published.changed = true;
  }
  if (published.changed) {
    keep_commits(spec, mirror_path, slots.commits());
  }
  return published;
}

Result<std::optional<WallTime>> sweep(const CheckoutSpec& spec, const std::string& mirror_path) {
  const Layout layout(spec.path);
  if (!is_directory(layout.directory)) {
    return std::nullopt;
  }
  if (spec.mode == "in_place") {
    FRESHET_CHECK(sweep_beside(layout));
    return std::nullopt;
  }
  SlotDirectory::Swept swept;
  {
    FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
    FRESHET_TRY(swept, slots.sweep(wall_now(), spec.keep_old,
                                   is_low(layout.directory, spec.min_free_disk) ? 0 : kSpares));
  }
  if (!swept.reuse.empty()) {
    FRESHET_TRY(const auto more, keep_spares(spec, mirror_path, swept.reuse));
    swept.trash.insert(swept.trash.end(), more.begin(), more.end());
  }
  for (const std::string& trash : swept.trash) {
    FRESHET_CHECK(remove_slot(layout, trash));
  }
  if (!swept.trash.empty()) {
    FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
    keep_commits(spec, mirror_path, slots.commits());
  }
  return swept.next;
}

Result<void> prepare_spare(const CheckoutSpec& spec, const std::string& mirror_path,
                           const CancelToken& cancel) {
  const Layout layout(spec.path);
  if (spec.mode == "in_place" || !read_current(spec.path) ||
      is_low(layout.directory, spec.min_free_disk)) {
    return {};
  }
  FRESHET_TRY(const auto group, find_group(spec.group));
  std::string place;
  ObjectId commit;
  UniqueFd held;
  {
    FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
    const auto current = slots.current();
    if (!current || !slots.has(*current) || !slots.spares().empty() ||
        !has_same_group(layout.slot(*current), {spec, mirror_path, slots, group}) ||
        (spec.git && !is_attached(mirror_path, layout.slot(*current), *current))) {
      return {};
    }
    commit = *current;
    FRESHET_TRY(held, hold_tree(layout.slot(commit)));
    FRESHET_TRY(place, slots.create_building_place(commit));
  }
  BuildingPlace building(layout, place);
  FRESHET_TRY(const auto entries, list_tree(mirror_path, commit));
  FRESHET_CHECK(link_tree(layout.slot(commit), place, entries, group, cancel));
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
  if (spec.git) {
    FRESHET_TRY(const std::string record, read_record(layout.slot(commit)));
    FRESHET_CHECK(attach_worktree(mirror_path, place, slots.spare_place(commit), commit, record));
  }
  FRESHET_CHECK(slots.keep_as_spare(place, commit));
  building.keep();
  return {};
}

}  // namespace freshet::checkout
