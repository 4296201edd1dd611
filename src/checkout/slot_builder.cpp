#include "checkout/slot_builder.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/log.h"
#include "checkout/building_place.h"
#include "checkout/linked_copy.h"
#include "checkout/tree_diff.h"
#include "checkout/tree_writer.h"
#include "checkout/worktree.h"

namespace freshet::checkout {
namespace {

class SlotBuilder {
 public:
  SlotBuilder(const Construction& construction, const ObjectId& commit, const CancelToken& cancel)
      : construction_(construction), commit_(commit), cancel_(cancel) {}

  /// True: done.
  Result<bool> from_spare(const Spare& spare) const {
    if (!is_usable(spare.place, spare.commit)) {
      slots().discard(spare);
      return false;
    }
    FRESHET_TRY(const TreePlan plan, plan_tree(mirror(), spare.commit, commit_));
    FRESHET_TRY(std::string place, slots().take(spare, commit_));
    BuildingPlace building(slots().layout(), std::move(place));
    FRESHET_TRY(const std::string record, record_of(building.path()));
    FRESHET_CHECK(bring(building.path(), plan, record));
    building.keep();
    return true;
  }

  Result<bool> from_current() const {
    const auto current = slots().current();
    if (!current || !is_usable(slots().layout().slot(*current), *current)) {
      return false;
    }
    const std::string tree = slots().layout().slot(*current);
    FRESHET_TRY(const auto entries, list_tree(mirror(), *current));
    FRESHET_TRY(const TreePlan plan, plan_tree(mirror(), *current, commit_));
    if (plan.size() > entries.size() / 2) {
      return false;  // most of what would be linked would go again
    }
    FRESHET_TRY(const std::string record, record_of(tree));
    FRESHET_TRY(std::string place, slots().create_building_place(commit_));
    BuildingPlace building(slots().layout(), std::move(place));
    FRESHET_CHECK(link_tree(tree, building.path(), entries, construction_.group, cancel_));
    FRESHET_CHECK(bring(building.path(), plan, record));
    building.keep();
    return true;
  }

  Result<void> from_nothing() const {
    FRESHET_TRY(const TreePlan plan, plan_tree(mirror(), std::nullopt, commit_));
    FRESHET_TRY(std::string place, slots().create_building_place(commit_));
    BuildingPlace building(slots().layout(), std::move(place));
    FRESHET_CHECK(bring(building.path(), plan, encode_index({})));
    building.keep();
    return {};
  }

 private:
  const SlotDirectory& slots() const { return construction_.slots; }
  const std::string& mirror() const { return construction_.mirror_path; }

  bool is_usable(const std::string& tree, const ObjectId& commit) const {
    return has_same_group(tree, construction_) &&
           (!construction_.spec.git || is_attached(mirror(), tree, commit));
  }

  Result<std::string> record_of(const std::string& tree) const {
    return construction_.spec.git ? read_record(tree) : Result<std::string>();
  }

  /// Carries out the plan in a tree that has what the plan starts from, and gives it its name.
  Result<void> bring(const std::string& place, const TreePlan& plan,
                     const std::string& record) const {
    if (path_exists(place + "/.git")) {
      FRESHET_CHECK(detach_worktree(mirror(), place));
    }
    const WriteTarget target{place, construction_.group, "", construction_.spec.min_free_disk};
    FRESHET_TRY(auto written, write_tree(mirror(), commit_, plan, target, cancel_));
    if (construction_.spec.git) {
      std::vector<std::string> removed;
      for (const Removal& removal : plan.removals) {
        removed.push_back(removal.path);
      }
      const auto index = update_index(record, std::move(removed), std::move(written));
      if (!index) {
        return fail(ErrorClass::corrupt, "the index of " + place + " is damaged");
      }
      FRESHET_CHECK(
          attach_worktree(mirror(), place, slots().layout().slot(commit_), commit_, *index));
    }
    return slots().promote(place, commit_);
  }

  const Construction& construction_;
  const ObjectId& commit_;
  const CancelToken& cancel_;
};

void remove_spares(const SlotDirectory& slots) {
  for (const Spare& spare : slots.spares()) {
    if (const auto trash = slots.move_to_trash(spare.place)) {
      static_cast<void>(remove_slot(slots.layout(), *trash));
    }
  }
}

}  // namespace

Result<std::optional<gid_t>> find_group(const std::string& name) {
  if (name.empty()) {
    return std::nullopt;
  }
  std::array<char, 16384> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return fail(ErrorClass::config, "there is no group called " + name);
  }
  return found->gr_gid;
}

gid_t group_of_new_files(const Construction& construction) {
  struct stat above {};
  const bool is_known = ::lstat(construction.slots.layout().directory.c_str(), &above) == 0;
  const gid_t own = is_known && (above.st_mode & S_ISGID) != 0 ? above.st_gid : ::getegid();
  return construction.group.value_or(own);
}

bool has_same_group(const std::string& tree, const Construction& construction) {
  struct stat info {};
  return ::lstat(tree.c_str(), &info) == 0 && info.st_gid == group_of_new_files(construction);
}

Result<void> build_slot(const Construction& construction, const ObjectId& commit,
                        const CancelToken& cancel) {
  const SlotBuilder builder(construction, commit, cancel);
  bool was_full = false;
  // What a spare lacks, or the mirror for the comparison with it, a tree made anew does not.
  const auto is_done = [&](const Result<bool>& built) {
    if (!built && !cancel.cancelled()) {
      was_full = was_full || built.error().error_class == ErrorClass::no_space;
      log::info("a tree could not be used again",
                {{"path", construction.spec.path}, {"error", built.error().message}});
    }
    return built && *built;
  };
  const auto spares = construction.slots.spares();
  if (!spares.empty() && is_done(builder.from_spare(spares.front()))) {
    return {};
  }
  if (was_full) {
    remove_spares(construction.slots);
  }
  if (is_done(builder.from_current())) {
    return {};
  }
  auto built = builder.from_nothing();
  if (!built && built.error().error_class == ErrorClass::no_space) {
    remove_spares(construction.slots);  // more room for the next try
  }
  return built;
}

}  // namespace freshet::checkout
