#include "checkout/obstacles.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>

#include "base/files.h"
#include "checkout/open_path.h"

namespace freshet::checkout {
namespace {

class Inspection {
 public:
  Inspection(std::string tree, UniqueFd root, const TreePlan& plan, BlobReader& blobs)
      : tree_(std::move(tree)), root_(std::move(root)), at_(root_.get()), blobs_(blobs) {
    for (const Removal& removal : plan.removals) {
      goes_.insert(removal.path);
    }
  }

  Result<void> look_at(Addition& addition) {
    const std::string& path = addition.entry.path;
    const SplitPath split = split_path(path);
    struct stat info {};
    const int directory = at_.enter(split.directory);
    if (directory < 0) {
      // The plan makes it, unless something else is there, which is told of as an obstacle itself.
      return errno == ENOENT || something_goes(split.directory)
                 ? Result<void>()
                 : in_the_way(std::string(split.directory));
    }
    if (::fstatat(directory, split.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Result<void>() : in_the_way(path);
    }
    const bool wants_directory =
        addition.entry.mode == kDirectoryMode || addition.entry.mode == kSubmoduleMode;
    if (S_ISDIR(info.st_mode)) {
      if (wants_directory) {
        return {};
      }
      return goes_.count(path) != 0 ? check_goes(path) : in_the_way(path);
    }
    if (goes_.count(path) != 0 || (addition.replaces && !wants_directory)) {
      return {};
    }
    FRESHET_TRY(addition.replaces, is_the_same(addition, directory, split.name, info));
    return addition.replaces ? Result<void>() : in_the_way(path);
  }

 private:
  Result<void> in_the_way(const std::string& path) const {
    return fail(ErrorClass::conflict,
                tree_ + "/" + path +
                    " is in the way of what the commit has there and was not made by freshet; it "
                    "is left alone. Move it away");
  }

  /// Whether the path, or one above it, is removed before anything is added.
  bool something_goes(std::string_view path) const {
    for (;;) {
      if (goes_.count(std::string(path)) != 0) {
        return true;
      }
      const std::size_t slash = path.rfind('/');
      if (slash == std::string_view::npos) {
        return false;
      }
      path = path.substr(0, slash);
    }
  }

  /// A directory that makes room for a file must hold nothing that stays.
  Result<void> check_goes(const std::string& directory) const {
    FRESHET_TRY(const auto names, list_directory(tree_ + "/" + directory));
    for (const std::string& name : names) {
      const std::string path = directory + "/" + name;
      if (goes_.count(path) == 0) {
        return in_the_way(path);
      }
      struct stat info {};
      if (::lstat((tree_ + "/" + path).c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        FRESHET_CHECK(check_goes(path));
      }
    }
    return {};
  }

  Result<bool> is_the_same(const Addition& addition, int directory, const std::string& name,
                           const struct stat& info) {
    if ((info.st_mode & S_IFMT) != (addition.entry.mode & S_IFMT) || S_ISDIR(info.st_mode)) {
      return false;
    }
    if (S_ISLNK(info.st_mode)) {
      std::string target(static_cast<std::size_t>(info.st_size) + 1, '\0');
      const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
      FRESHET_TRY(const std::string_view wanted,
                  blobs_.link(addition.entry.path, addition.entry.id));
      return size >= 0 &&
             std::string_view(target).substr(0, static_cast<std::size_t>(size)) == wanted;
    }
    const auto content = read_file(tree_ + "/" + addition.entry.path);
    FRESHET_TRY(const std::string_view wanted,
                blobs_.file(addition.entry.path, addition.entry.id, addition.has_attributes));
    return content && *content == wanted;
  }

  const std::string tree_;
  const UniqueFd root_;
  OpenPath at_;
  BlobReader& blobs_;
  std::unordered_set<std::string> goes_;
};

}  // namespace

Result<void> check_obstacles(const std::string& tree, TreePlan& plan, BlobReader& blobs) {
  UniqueFd root(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) {
    return fail(system_error(errno, "cannot open " + tree));
  }
  Inspection inspection(tree, std::move(root), plan, blobs);
  for (Addition& addition : plan.additions) {
    FRESHET_CHECK(inspection.look_at(addition));
  }
  return {};
}

}  // namespace freshet::checkout
