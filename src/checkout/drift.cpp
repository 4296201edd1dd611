#include "checkout/drift.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "base/unique_fd.h"
#include "checkout/slot_directory.h"
#include "checkout/tree_repair.h"

namespace freshet::checkout {
namespace {

constexpr auto kCheckEvery = std::chrono::hours(24);

std::string published_tree(const CheckoutSpec& spec, const ObjectId& commit) {
  return spec.mode == "in_place" ? spec.path : Layout(spec.path).slot(commit);
}

std::string mark_of(const CheckoutSpec& spec) {
  return Layout(spec.path).directory + "/drift_checked";
}

void note_drift_check(const CheckoutSpec& spec) {
  const UniqueFd fd(
      ::open(mark_of(spec).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (fd) {
    static_cast<void>(::futimens(fd.get(), nullptr));
  }
}

}  // namespace

Result<std::vector<std::string>> find_drift(const CheckoutSpec& spec,
                                            const std::string& mirror_path, const ObjectId& commit,
                                            DriftCheck check, const CancelToken& cancel) {
  const std::string tree = published_tree(spec, commit);
  const auto still_published = [&] {
    const auto current = read_current(spec.path);
    return current && current->commit == commit;
  };
  const auto held = hold_tree(tree);  // it is not taken for another commit meanwhile
  auto found = still_published() ? differences(tree, mirror_path, commit, check, nullptr, cancel)
                                 : Result<TreePlan>(fail(ErrorClass::conflict, ""));
  if (!still_published()) {
    return fail(ErrorClass::conflict,
                "another commit was published at " + spec.path + " meanwhile");
  }
  FRESHET_CHECK(found);
  std::vector<std::string> paths;
  for (Addition& addition : found->additions) {
    paths.push_back(std::move(addition.entry.path));
  }
  return paths;
}

Result<void> repair_drift(const CheckoutSpec& spec, const std::string& mirror_path,
                          const std::vector<std::string>& paths, const CancelToken& cancel) {
  const std::unordered_set<std::string> wanted(paths.begin(), paths.end());
  if (spec.mode == "in_place") {
    FRESHET_TRY(const SlotDirectory lock, SlotDirectory::claim_beside(spec.path));
    const auto current = read_current(spec.path);
    return current ? repair_tree(spec, mirror_path, {spec.path, current->commit}, wanted, cancel)
                   : Result<void>();
  }
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
  return repair_trees(spec, mirror_path, slots, wanted, cancel);
}

Result<std::optional<std::size_t>> mend_drift(const CheckoutSpec& spec,
                                              const std::string& mirror_path,
                                              const CancelToken& cancel) {
  const auto current = read_current(spec.path);
  if (!current) {
    return std::nullopt;
  }
  auto drift = find_drift(spec, mirror_path, current->commit, DriftCheck::quick, cancel);
  if (!drift && drift.error().error_class == ErrorClass::conflict) {
    return std::nullopt;
  }
  note_drift_check(spec);
  FRESHET_CHECK(drift);
  if (!drift->empty()) {
    log::warning(
        "published files were changed by somebody else; they are written anew",
        {{"path", spec.path}, {"files", std::to_string(drift->size())}, {"first", drift->front()}});
    FRESHET_CHECK(repair_drift(spec, mirror_path, *drift, cancel));
  }
  return drift->size();
}

WallTime drift_check_due(const CheckoutSpec& spec, WallTime now) {
  struct stat info {};
  if (::stat(mark_of(spec).c_str(), &info) != 0) {
    note_drift_check(spec);  // what is new has just been written
    return now + kCheckEvery;
  }
  // A clock that was set back must not put it off for long.
  return std::min(WallTime(std::chrono::seconds(info.st_mtim.tv_sec)), now) + kCheckEvery;
}

}  // namespace freshet::checkout
