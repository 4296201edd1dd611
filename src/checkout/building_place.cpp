#include "checkout/building_place.h"

#include <sys/statvfs.h>

#include "base/files.h"
#include "checkout/worktree.h"

namespace freshet::checkout {

Result<void> remove_slot(const Layout& layout, const std::string& slot) {
  const std::string folder = worktree_folder(slot);
  const auto way_back = read_file(folder + "/gitdir", 8192);
  // Both ways must agree: what a .git file says alone could lead anywhere.
  if (base_name(parent_path(folder)) == "worktrees" && way_back &&
      way_back->starts_with(layout.directory + "/")) {
    FRESHET_CHECK(remove_tree(folder));
  }
  return remove_tree(slot);
}

bool is_low(const std::string& path, std::uint64_t min_free_disk) {
  struct statvfs info {};
  return min_free_disk > 0 && ::statvfs(path.c_str(), &info) == 0 &&
         std::uint64_t{info.f_bavail} * info.f_frsize < min_free_disk;
}

}  // namespace freshet::checkout
