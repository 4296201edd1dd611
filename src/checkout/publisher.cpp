#include "checkout/publisher.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "checkout/slot_directory.h"
#include "checkout/tree_writer.h"
#include "checkout/worktree.h"

namespace freshet::checkout {
namespace {

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

/// Everything written so far to the file system that holds `path` survives a power failure.
Result<void> sync_file_system(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0) {
    return fail(system_error(errno, "cannot sync " + path));
  }
  return {};
}

dev_t device_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_dev : 0;
}

/// The tracked files with nothing said about the ones on disk, which somebody may have changed: git
/// compares their content when it is asked the next time.
Result<std::vector<IndexEntry>> unseen_entries(const std::string& mirror_path,
                                               const ObjectId& commit) {
  FRESHET_TRY(auto tracked, list_tree(mirror_path, commit));
  std::vector<IndexEntry> entries;
  entries.reserve(tracked.size());
  for (TreeEntry& entry : tracked) {
    entries.push_back({std::move(entry), {}});
  }
  return entries;
}

/// Brings the .git of a tree that is there in line with the configuration.
Result<void> adjust_git(const CheckoutSpec& spec, const std::string& mirror_path,
                        const std::string& tree, const ObjectId& commit) {
  if (!spec.git) {
    return path_exists(tree + "/.git") ? detach_worktree(mirror_path, tree) : Result<void>();
  }
  if (is_attached(mirror_path, tree, commit)) {
    return {};
  }
  // Whatever is there is of another mirror, or broken.
  FRESHET_CHECK(detach_worktree(mirror_path, tree));
  FRESHET_TRY(const auto entries, unseen_entries(mirror_path, commit));
  return attach_worktree(mirror_path, tree, tree, commit, entries);
}

/// A tree on its way: whatever goes wrong, it leaves nothing behind.
class Building {
 public:
  Building(std::string mirror_path, std::string place)
      : mirror_path_(std::move(mirror_path)), place_(std::move(place)) {}
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;
  ~Building() {
    if (!place_.empty()) {
      static_cast<void>(detach_worktree(mirror_path_, place_));
      static_cast<void>(remove_tree(place_));
    }
  }
  void keep() { place_.clear(); }

 private:
  const std::string mirror_path_;
  std::string place_;
};

Result<void> build(const CheckoutSpec& spec, const std::string& mirror_path, const ObjectId& commit,
                   const SlotDirectory& slots, const CancelToken& cancel) {
  FRESHET_TRY(const auto group, find_group(spec.group));
  FRESHET_CHECK(prune_worktrees(mirror_path, slots.layout().directory));
  FRESHET_TRY(const std::string place, slots.create_building_place());
  Building building(mirror_path, place);
  FRESHET_TRY(const auto entries, TreeWriter(mirror_path, group).write(commit, place, cancel));
  if (spec.git) {
    FRESHET_CHECK(
        attach_worktree(mirror_path, place, slots.layout().slot(commit), commit, entries));
  }
  FRESHET_CHECK(sync_file_system(place));
  if (spec.git && device_of(place) != device_of(mirror_path)) {
    FRESHET_CHECK(sync_file_system(mirror_path));
  }
  FRESHET_CHECK(slots.promote(place, commit));
  building.keep();
  return {};
}

/// Removes a tree and the folder in the mirror that belongs to it.
Result<void> remove_slot(const CheckoutSpec& spec, const std::string& slot) {
  const std::string folder = worktree_folder(slot);
  const auto way_back = read_file(folder + "/gitdir", 8192);
  // Both ways must agree: what a .git file says alone could lead anywhere.
  if (base_name(parent_path(folder)) == "worktrees" && way_back &&
      way_back->starts_with(Layout(spec.path).directory + "/")) {
    FRESHET_CHECK(remove_tree(folder));
  }
  return remove_tree(slot);
}

}  // namespace

Result<Published> publish(const CheckoutSpec& spec, const std::string& mirror_path,
                          const ObjectId& commit, const CancelToken& cancel) {
  if (spec.mode != "atomic") {
    return fail(ErrorClass::config, "mode = \"" + spec.mode +
                                        "\" has no effect in this version; use \"atomic\" for " +
                                        spec.path);
  }
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
  Published published;
  published.old_commit = slots.current();
  if (slots.has(commit)) {
    FRESHET_CHECK(adjust_git(spec, mirror_path, slots.layout().slot(commit), commit));
  } else {
    FRESHET_CHECK(build(spec, mirror_path, commit, slots, cancel));
    published.changed = true;
  }
  if (published.old_commit != commit) {
    FRESHET_CHECK(slots.switch_to(commit));
    published.changed = true;
  }
  return published;
}

Result<std::optional<WallTime>> sweep(const CheckoutSpec& spec) {
  SlotDirectory::Swept swept;
  {
    const Layout layout(spec.path);
    if (!is_directory(layout.directory)) {
      return std::nullopt;
    }
    FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim(spec.path));
    FRESHET_TRY(swept, slots.sweep(wall_now(), spec.keep_old));
  }
  for (const std::string& trash : swept.trash) {
    FRESHET_CHECK(remove_slot(spec, trash));
  }
  return swept.next;
}

}  // namespace freshet::checkout
