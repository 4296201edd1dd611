#include "checkout/git_folder.h"

#include "base/files.h"
#include "checkout/tree_diff.h"
#include "checkout/worktree.h"

namespace freshet::checkout {

Result<std::vector<IndexEntry>> unseen_entries(const std::string& mirror_path,
                                               const ObjectId& commit) {
  FRESHET_TRY(auto tracked, list_tree(mirror_path, commit));
  std::vector<IndexEntry> entries;
  entries.reserve(tracked.size());
  for (TreeEntry& entry : tracked) {
    if (entry.mode != kDirectoryMode) {
      entries.push_back({std::move(entry), {}});
    }
  }
  return entries;
}

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
  return attach_worktree(mirror_path, tree, tree, commit, encode_index(entries));
}

}  // namespace freshet::checkout
