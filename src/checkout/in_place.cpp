#include "checkout/in_place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/files.h"
#include "base/hmac.h"
#include "checkout/git_folder.h"
#include "checkout/obstacles.h"
#include "checkout/open_path.h"
#include "checkout/regroup.h"
#include "checkout/slot_builder.h"
#include "checkout/tree_diff.h"
#include "checkout/tree_writer.h"
#include "checkout/worktree.h"

namespace freshet::checkout {
namespace {

bool is_real_directory(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The state of a path that may be published to.
Result<InPlaceState> claim_path(const Layout& layout) {
  auto state = read_in_place_state(layout);
  const bool is_there = path_exists(layout.link);
  const auto names = is_real_directory(layout.link)
                         ? list_directory(layout.link)
                         : Result<std::vector<std::string>>(fail(ErrorClass::conflict, ""));
  if (is_there && (!names || (!state && !names->empty()))) {
    return fail(ErrorClass::conflict,
                layout.link +
                    " exists and was not made by freshet in this mode; it is left alone. Move it "
                    "away or choose another path");
  }
  if (!state) {
    state = InPlaceState{std::nullopt, {}, ".freshet-" + random_hex(8) + ".new"};
  }
  if (!is_there) {
    state->at.reset();  // somebody removed all of it
    if (::mkdir(layout.link.c_str(), 0755) != 0) {
      return fail(system_error(errno, "cannot create " + layout.link));
    }
  }
  return *state;
}

std::set<std::string> paths_of(const TreePlan& whole) {
  std::set<std::string> paths;
  for (const Addition& addition : whole.additions) {
    paths.insert(addition.entry.path);
  }
  return paths;
}

/// After an interruption any file may be of either commit: all of them are written once more.
Result<TreePlan> plan_completion(const std::string& mirror_path, const InPlaceState& state,
                                 const ObjectId& commit) {
  FRESHET_TRY(TreePlan plan, plan_tree(mirror_path, std::nullopt, commit));
  std::set<std::string> ours;
  std::vector<ObjectId> possible = state.to;
  if (state.at) {
    possible.push_back(*state.at);
  }
  for (const ObjectId& earlier : possible) {
    FRESHET_TRY(const TreePlan whole, plan_tree(mirror_path, std::nullopt, earlier));
    FRESHET_TRY(const TreePlan way, plan_tree(mirror_path, earlier, commit));
    ours.merge(paths_of(whole));
    std::set<std::string> folders{""};
    for (const Addition& addition : whole.additions) {
      folders.emplace(split_path(addition.entry.path).directory);
    }
    for (const std::string& folder : folders) {
      plan.removals.push_back({folder + (folder.empty() ? "" : "/") + state.beside, false});
    }
    plan.removals.insert(plan.removals.end(), way.removals.begin(), way.removals.end());
  }
  // Children first, whichever commit they are of.
  std::sort(plan.removals.begin(), plan.removals.end(),
            [](const Removal& a, const Removal& b) { return a.path > b.path; });
  for (Addition& addition : plan.additions) {
    addition.replaces = ours.count(addition.entry.path) != 0;
  }
  return plan;
}

class InPlacePublication {
 public:
  InPlacePublication(const CheckoutSpec& spec, const std::string& mirror_path,
                     const ObjectId& commit, const CancelToken& cancel, std::optional<gid_t> group)
      : spec_(spec),
        mirror_path_(mirror_path),
        commit_(commit),
        cancel_(cancel),
        group_(group),
        layout_(spec.path) {}

  Result<Published> run() {
    FRESHET_TRY(const SlotDirectory lock, SlotDirectory::claim_beside(spec_.path));
    FRESHET_TRY(state_, claim_path(layout_));
    Published published;
    published.old_commit = state_.at;
    const bool has_other_group = group_ && is_of_another_group();
    if (state_.at != commit_ || !state_.to.empty()) {
      FRESHET_CHECK(bring());
      published.changed = true;
    } else {
      FRESHET_CHECK(adjust_git(spec_, mirror_path_, spec_.path, commit_));
    }
    if (has_other_group) {
      FRESHET_TRY(const auto entries, list_tree(mirror_path_, commit_));
      FRESHET_CHECK(regroup(spec_.path, entries, *group_));
    }
    return published;
  }

 private:
  bool is_of_another_group() const {
    struct stat info {};
    return ::lstat(spec_.path.c_str(), &info) == 0 && info.st_gid != *group_;
  }

  Result<void> bring() {
    bool is_whole = !state_.to.empty() || !state_.at;
    auto planned = is_whole ? plan_completion(mirror_path_, state_, commit_)
                            : plan_tree(mirror_path_, state_.at, commit_);
    if (!planned) {
      // A mirror that was made anew may not have the old commit. Then what is there and as it has
      // to be is taken over, and anything else is somebody's.
      is_whole = true;
      planned = plan_tree(mirror_path_, std::nullopt, commit_);
    }
    FRESHET_TRY(TreePlan plan, std::move(planned));
    FRESHET_TRY(BlobReader blobs, BlobReader::of(mirror_path_, commit_));
    FRESHET_CHECK(check_obstacles(spec_.path, plan, blobs));
    for (const Addition& addition : plan.additions) {
      FRESHET_CHECK(blobs.check(addition.entry));  // half a commit would stay in the tree
    }
    // From here on, the tree may hold files of the new commit.
    if (std::find(state_.to.begin(), state_.to.end(), commit_) == state_.to.end()) {
      state_.to.push_back(commit_);
    }
    FRESHET_CHECK(write_in_place_state(layout_, state_));
    const WriteTarget target{spec_.path, group_, state_.beside, spec_.min_free_disk};
    FRESHET_TRY(auto written, write_tree(mirror_path_, commit_, plan, target, cancel_));
    FRESHET_CHECK(update_git(plan, std::move(written), is_whole));
    state_.at = commit_;
    state_.to.clear();
    return write_in_place_state(layout_, state_);
  }

  Result<void> update_git(const TreePlan& plan, std::vector<IndexEntry> written, bool is_whole) {
    FRESHET_CHECK(prune_worktrees(mirror_path_, spec_.path));
    if (!spec_.git) {
      return adjust_git(spec_, mirror_path_, spec_.path, commit_);
    }
    const auto record = is_whole ? Result<std::string>(encode_index({})) : record_of(*state_.at);
    FRESHET_CHECK(record);
    std::vector<std::string> removed;
    for (const Removal& removal : plan.removals) {
      removed.push_back(removal.path);
    }
    const auto index = update_index(*record, std::move(removed), std::move(written));
    if (!index) {
      return fail(ErrorClass::corrupt, "the index of " + spec_.path + " is damaged");
    }
    return replace_worktree(mirror_path_, spec_.path, commit_, *index, state_.beside);
  }

  Result<std::string> record_of(const ObjectId& before) const {
    if (is_attached(mirror_path_, spec_.path, before)) {
      if (auto record = read_record(spec_.path)) {
        return record;
      }
    }
    FRESHET_TRY(const auto entries, unseen_entries(mirror_path_, before));
    return encode_index(entries);
  }

  const CheckoutSpec& spec_;
  const std::string& mirror_path_;
  const ObjectId& commit_;
  const CancelToken& cancel_;
  const std::optional<gid_t> group_;
  const Layout layout_;
  InPlaceState state_;
};

}  // namespace

Result<Published> publish_in_place(const CheckoutSpec& spec, const std::string& mirror_path,
                                   const ObjectId& commit, const CancelToken& cancel) {
  FRESHET_TRY(const auto group, find_group(spec.group));
  return InPlacePublication(spec, mirror_path, commit, cancel, group).run();
}

}  // namespace freshet::checkout
