#include "checkout/tree_repair.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <unordered_map>

#include "base/files.h"
#include "base/hmac.h"
#include "checkout/blob_content.h"
#include "checkout/index_file.h"
#include "checkout/open_path.h"
#include "checkout/slot_builder.h"
#include "checkout/tree_writer.h"
#include "checkout/worktree.h"

namespace freshet::checkout {
namespace {

/// Compares what lies in a tree with what a commit has there.
class TreeInspector {
 public:
  static Result<TreeInspector> of(const std::string& tree, const std::string& mirror_path,
                                  const ObjectId& commit, DriftCheck check) {
    UniqueFd root(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root) {
      return fail(system_error(errno, "cannot open " + tree));
    }
    FRESHET_TRY(BlobReader blobs, BlobReader::of(mirror_path, commit));
    TreeInspector inspector(std::move(root), std::move(blobs));
    if (check == DriftCheck::quick) {
      inspector.read_records(tree);
    }
    return inspector;
  }

  Result<bool> is_right(const Addition& addition) {
    const SplitPath path = split_path(addition.entry.path);
    struct stat info {};
    const int directory = at_->enter(path.directory);
    if (directory < 0 || ::fstatat(directory, path.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return false;
    }
    switch (addition.entry.mode) {
      case kDirectoryMode:
      case kSubmoduleMode:
        return S_ISDIR(info.st_mode);
      case kLinkMode:
        return is_right_link(addition, directory, path.name, info);
      default:
        return is_right_file(addition, directory, path.name, info);
    }
  }

 private:
  TreeInspector(UniqueFd root, BlobReader blobs)
      : root_(std::move(root)),
        at_(std::make_unique<OpenPath>(root_.get())),
        blobs_(std::move(blobs)) {}

  void read_records(const std::string& tree) {
    auto record = read_record(tree);
    record_ = record ? std::move(*record) : "";
    const auto entries = read_index(record_);
    for (const IndexRecord& entry : entries ? *entries : std::vector<IndexRecord>()) {
      records_.emplace(entry.path, entry);
    }
  }

  bool is_as_recorded(const Addition& addition, const struct stat& info) const {
    const auto position = records_.find(addition.entry.path);
    if (position == records_.end()) {
      return false;
    }
    const IndexRecord& record = position->second;
    return record.size == static_cast<std::uint32_t>(info.st_size) &&
           record.inode == static_cast<std::uint32_t>(info.st_ino) &&
           record.changed_seconds == static_cast<std::uint32_t>(info.st_mtim.tv_sec) &&
           record.changed_nanoseconds == info.st_mtim.tv_nsec &&
           to_hex(record.id) == addition.entry.id.hex();
  }

  Result<bool> is_right_link(const Addition& addition, int directory, const std::string& name,
                             const struct stat& info) {
    if (!S_ISLNK(info.st_mode)) {
      return false;
    }
    FRESHET_TRY(const std::string_view wanted, blobs_.link(addition.entry.path, addition.entry.id));
    std::string target(wanted.size() + 1, '\0');
    const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    return size >= 0 &&
           std::string_view(target).substr(0, static_cast<std::size_t>(size)) == wanted;
  }

  Result<bool> is_right_file(const Addition& addition, int directory, const std::string& name,
                             const struct stat& info) {
    const mode_t mode = addition.entry.mode == 0100755 ? 0755 : 0644;
    if (!S_ISREG(info.st_mode) || (info.st_mode & 0777U) != mode) {
      return false;
    }
    if (is_as_recorded(addition, info)) {
      return true;
    }
    FRESHET_TRY(const std::string_view wanted,
                blobs_.file(addition.entry.path, addition.entry.id, addition.has_attributes));
    if (static_cast<std::size_t>(info.st_size) != wanted.size()) {
      return false;
    }
    const UniqueFd fd(
        ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::string content(wanted.size(), '\0');
    std::size_t have = 0;
    while (fd && have < content.size()) {
      const ssize_t count = ::read(fd.get(), content.data() + have, content.size() - have);
      if (count <= 0) {
        return false;
      }
      have += static_cast<std::size_t>(count);
    }
    return fd.valid() && content == wanted;
  }

  UniqueFd root_;
  std::unique_ptr<OpenPath> at_;
  BlobReader blobs_;
  std::string record_;
  std::unordered_map<std::string_view, IndexRecord> records_;  ///< views into record_
};

/// In a tree of our own, what stands in the way of a path goes. Parents first: none of the
/// directories above a path is a link any more when its turn comes.
Result<void> clear(const std::string& tree, const TreePlan& plan) {
  for (const Addition& addition : plan.additions) {
    const std::string path = tree + "/" + addition.entry.path;
    struct stat info {};
    const bool is_there = ::lstat(path.c_str(), &info) == 0;
    const bool wants_directory =
        addition.entry.mode == kDirectoryMode || addition.entry.mode == kSubmoduleMode;
    if (is_there && (S_ISDIR(info.st_mode) || wants_directory)) {
      FRESHET_CHECK(remove_tree(path));
    }
    if (wants_directory && ::mkdir(path.c_str(), 0755) != 0) {
      return fail(system_error(errno, "cannot create " + path));
    }
  }
  return {};
}

/// Where people have files of their own, one of them that stands in the way of a path keeps nobody
/// from writing the others. `failure` gets the first error.
std::vector<IndexEntry> write_one_by_one(const std::string& mirror_path, const ObjectId& commit,
                                         TreePlan plan, const WriteTarget& target,
                                         const CancelToken& cancel, Result<void>& failure) {
  std::vector<IndexEntry> all;
  for (Addition& addition : plan.additions) {
    TreePlan one;
    one.additions.push_back(std::move(addition));
    auto written = write_tree(mirror_path, commit, one, target, cancel);
    if (written) {
      std::move(written->begin(), written->end(), std::back_inserter(all));
    } else if (failure) {
      failure = fail(std::move(written).error());
    }
  }
  return all;
}

}  // namespace

std::string repair_name(const ObjectId& commit) {
  return ".freshet-" + commit.hex() + ".new";
}

Result<TreePlan> differences(const std::string& tree, const std::string& mirror_path,
                             const ObjectId& commit, DriftCheck check,
                             const std::unordered_set<std::string>* only,
                             const CancelToken& cancel) {
  FRESHET_TRY(TreePlan whole, plan_tree(mirror_path, std::nullopt, commit));
  FRESHET_TRY(TreeInspector inspector, TreeInspector::of(tree, mirror_path, commit, check));
  TreePlan found;
  for (Addition& addition : whole.additions) {
    if (only != nullptr && only->count(addition.entry.path) == 0) {
      continue;
    }
    if (cancel.cancelled()) {
      return fail(ErrorClass::conflict, "cancelled");
    }
    FRESHET_TRY(const bool is_right, inspector.is_right(addition));
    if (!is_right) {
      addition.replaces = true;
      found.additions.push_back(std::move(addition));
    }
  }
  return found;
}

Result<void> repair_tree(const CheckoutSpec& spec, const std::string& mirror_path,
                         const Spare& tree, const std::unordered_set<std::string>& paths,
                         const CancelToken& cancel) {
  FRESHET_TRY(const auto group, find_group(spec.group));
  FRESHET_TRY(const TreePlan plan,
              differences(tree.place, mirror_path, tree.commit, DriftCheck::full, &paths, cancel));
  if (plan.empty()) {
    return {};
  }
  const WriteTarget target{tree.place, group, repair_name(tree.commit)};
  Result<void> failure;
  std::vector<IndexEntry> written;
  if (spec.mode == "in_place") {
    written = write_one_by_one(mirror_path, tree.commit, plan, target, cancel, failure);
  } else {
    FRESHET_CHECK(clear(tree.place, plan));
    FRESHET_TRY(written, write_tree(mirror_path, tree.commit, plan, target, cancel));
  }
  if (!written.empty() && is_attached(mirror_path, tree.place, tree.commit)) {
    FRESHET_TRY(const std::string record, read_record(tree.place));
    if (const auto index = update_index(record, {}, std::move(written))) {
      FRESHET_CHECK(replace_worktree(mirror_path, tree.place, tree.commit, *index, target.beside));
    }
  }
  return failure;
}

Result<std::vector<Spare>> complete_trees(const SlotDirectory& slots) {
  std::vector<Spare> trees = slots.spares();
  FRESHET_TRY(const auto names, list_directory(slots.layout().directory));
  for (const std::string& name : names) {
    if (const auto commit = ObjectId::parse(name)) {
      trees.push_back({slots.layout().slot(*commit), *commit});
    }
  }
  return trees;
}

Result<void> repair_trees(const CheckoutSpec& spec, const std::string& mirror_path,
                          const SlotDirectory& slots, const std::unordered_set<std::string>& paths,
                          const CancelToken& cancel, const std::string& done) {
  FRESHET_TRY(std::vector<Spare> trees, complete_trees(slots));
  const auto current = slots.current();
  // The one that is read comes first. A tree whose commit the mirror has no more is past help.
  std::stable_partition(trees.begin(), trees.end(), [&](const Spare& tree) {
    return current && tree.place == slots.layout().slot(*current);
  });
  for (const Spare& tree : trees) {
    if (tree.place == done) {
      continue;
    }
    auto repaired = repair_tree(spec, mirror_path, tree, paths, cancel);
    if (!repaired && current && tree.place == slots.layout().slot(*current)) {
      return repaired;
    }
    if (!repaired && tree.place == slots.spare_place(tree.commit)) {
      slots.discard(tree);
    }
  }
  return {};
}

}  // namespace freshet::checkout
