#include "checkout/judged_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <tuple>
#include <unordered_map>

#include "base/files.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "checkout/tree_diff.h"
#include "checkout/tree_repair.h"
#include "checkout/worktree.h"

namespace freshet::checkout {
namespace {

constexpr mode_t kOddBits = 07000;  // of a directory: the group's inheritance among them

/// What of a tree is not, or may not be, as a commit has it.
struct Leavings {
  std::vector<std::string> foreign;            ///< paths that the commit does not have
  std::unordered_set<std::string> suspicious;  ///< paths of the commit: changed lately, or missing
};

class Walk {
 public:
  Walk(const std::string& tree, const std::vector<TreeEntry>& entries, timespec since)
      : tree_(tree), since_(since) {
    for (const TreeEntry& entry : entries) {
      missing_.emplace(entry.path, entry.mode == kSubmoduleMode || entry.mode == kDirectoryMode);
      for (std::size_t slash = entry.path.rfind('/'); slash != std::string::npos && slash > 0;
           slash = entry.path.rfind('/', slash - 1)) {
        if (!directories_.insert(entry.path.substr(0, slash)).second) {
          break;
        }
      }
    }
  }

  Result<Leavings> run() {
    FRESHET_CHECK(look_below(""));
    for (const auto& [path, is_submodule] : missing_) {
      found_.suspicious.insert(path);
    }
    found_.suspicious.insert(directories_.begin(), directories_.end());  // those that are missing
    return std::move(found_);
  }

 private:
  Result<void> look_below(const std::string& prefix) {
    FRESHET_TRY(const auto names, list_directory(tree_ + "/" + prefix));
    for (const std::string& name : names) {
      const std::string path = prefix + name;
      struct stat info {};
      if (path == ".git") {
        continue;
      }
      if (::lstat((tree_ + "/" + path).c_str(), &info) != 0) {
        return fail(system_error(errno, "cannot look at " + path));
      }
      FRESHET_CHECK(look_at(path, info));
    }
    return {};
  }

  Result<void> look_at(const std::string& path, const struct stat& info) {
    const auto entry = missing_.find(path);
    const bool is_empty = entry != missing_.end() && entry->second;
    if (S_ISDIR(info.st_mode) && (is_empty || directories_.erase(path) != 0)) {
      missing_.erase(path);
      if ((info.st_mode & 0777U) != 0755U) {
        static_cast<void>(::chmod((tree_ + "/" + path).c_str(), (info.st_mode & kOddBits) | 0755U));
      }
      return look_below(path + "/");  // below an empty one everything is foreign
    }
    if (entry == missing_.end() || is_empty || S_ISDIR(info.st_mode)) {
      found_.foreign.push_back(path);
      return {};
    }
    if (std::tie(info.st_ctim.tv_sec, info.st_ctim.tv_nsec) >=
        std::tie(since_.tv_sec, since_.tv_nsec)) {
      found_.suspicious.insert(path);
    }
    missing_.erase(entry);
    return {};
  }

  const std::string& tree_;
  const timespec since_;
  std::unordered_map<std::string, bool> missing_;  ///< not seen yet; true: an empty directory
  std::unordered_set<std::string> directories_;    ///< not seen yet
  Leavings found_;
};

/// Also where the program has used git in the tree: staged something, or gone to another commit.
Result<void> restore_git(const std::string& mirror_path, const std::string& tree,
                         const ObjectId& commit, const std::string& record) {
  const auto index = read_file(worktree_folder(tree) + "/index");
  if (index && *index == record && is_attached(mirror_path, tree, commit)) {
    return {};
  }
  return replace_worktree(mirror_path, tree, commit, record, repair_name(commit));
}

}  // namespace

Result<JudgedTree> JudgedTree::begin(const std::string& tree, bool is_new) {
  struct stat info {};
  const UniqueFd root(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // The tree's own time of change becomes now, by the clock that its files' times are told by.
  if (!root || ::futimens(root.get(), nullptr) != 0 || ::fstat(root.get(), &info) != 0) {
    return fail(system_error(errno, "cannot open " + tree));
  }
  return JudgedTree(tree, is_new ? info.st_ctim : timespec{});
}

Result<void> JudgedTree::restore(const CheckoutSpec& spec, const std::string& mirror_path,
                                 const SlotDirectory& slots, const ObjectId& commit,
                                 const CancelToken& cancel) const {
  FRESHET_TRY(const auto entries, list_tree(mirror_path, commit));
  FRESHET_TRY(const Leavings leavings, Walk(tree_, entries, since_).run());
  for (const std::string& path : leavings.foreign) {
    FRESHET_CHECK(remove_tree(tree_ + "/" + path));
  }
  FRESHET_TRY(const TreePlan changed, differences(tree_, mirror_path, commit, DriftCheck::full,
                                                  &leavings.suspicious, cancel));
  if (!changed.empty()) {
    FRESHET_CHECK(repair_tree(spec, mirror_path, {tree_, commit}, leavings.suspicious, cancel));
    FRESHET_CHECK(repair_trees(spec, mirror_path, slots, leavings.suspicious, cancel, tree_));
  }
  if (!leavings.foreign.empty() || !changed.empty()) {
    log::warning("a gate left something in the tree that it judged; it was put right",
                 {{"path", spec.path},
                  {"removed", static_cast<std::int64_t>(leavings.foreign.size())},
                  {"restored", static_cast<std::int64_t>(changed.size())}});
  }
  if (!spec.git) {
    return {};
  }
  FRESHET_TRY(const std::string record, read_record(tree_));
  return restore_git(mirror_path, tree_, commit, record);
}

}  // namespace freshet::checkout
