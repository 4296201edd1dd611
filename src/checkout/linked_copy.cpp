#include "checkout/linked_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include "base/files.h"
#include "checkout/open_path.h"
#include "checkout/tree_diff.h"

namespace freshet::checkout {
namespace {

constexpr auto kNobody = static_cast<uid_t>(-1);

class Linker {
 public:
  Linker(int from, int to, std::optional<gid_t> group) : from_(from), to_(to), group_(group) {}

  Result<void> take(const TreeEntry& entry) {
    const SplitPath path = split_path(entry.path);
    FRESHET_TRY(const int target, directory(std::string(path.directory)));
    if (entry.mode == kSubmoduleMode || entry.mode == kDirectoryMode) {
      FRESHET_CHECK(directory(entry.path));
      return {};
    }
    const int source = from_.enter(path.directory);
    struct stat info {};
    if (source < 0 || ::fstatat(source, path.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(failed("find", entry.path));
    }
    if ((info.st_mode & S_IFMT) != (entry.mode & S_IFMT)) {
      return fail(ErrorClass::corrupt, entry.path + " is no longer what it was");
    }
    if (::linkat(source, path.name.c_str(), target, path.name.c_str(), 0) == 0) {
      return {};
    }
    constexpr std::array kNoLinksHere{EMLINK, EXDEV, EPERM, EOPNOTSUPP};
    if (std::count(kNoLinksHere.begin(), kNoLinksHere.end(), errno) == 0) {
      return fail(failed("link", entry.path));
    }
    return S_ISLNK(info.st_mode) ? copy_link(source, target, path.name, info)
                                 : copy_file(source, target, path.name, info);
  }

 private:
  /// The directory below the target, made where it is missing.
  Result<int> directory(const std::string& path) {
    int fd = to_.enter(path);
    if (fd >= 0) {
      return fd;
    }
    const SplitPath split = split_path(path);
    FRESHET_TRY(const int parent, directory(std::string(split.directory)));
    if (::mkdirat(parent, split.name.c_str(), 0755) != 0) {
      return fail(failed("create the directory", path));
    }
    fd = to_.enter(path);
    if (fd < 0 || (group_ && ::fchown(fd, kNobody, *group_) != 0)) {
      return fail(failed("prepare the directory", path));
    }
    return fd;
  }

  static Result<void> copy_file(int source, int target, const std::string& name,
                                const struct stat& info) {
    const UniqueFd in(::openat(source, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    const UniqueFd out(::openat(target, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                info.st_mode & 0777U));
    if (!in || !out) {
      return fail(failed("copy", name));
    }
    std::array<char, 65536> buffer{};
    for (;;) {
      const ssize_t count = ::read(in.get(), buffer.data(), buffer.size());
      if (count < 0) {
        return fail(failed("read", name));
      }
      if (count == 0) {
        break;
      }
      FRESHET_CHECK(write_all(out.get(), {buffer.data(), static_cast<std::size_t>(count)}, name));
    }
    const std::array times{info.st_atim, info.st_mtim};
    if (::fchown(out.get(), kNobody, info.st_gid) != 0 ||
        ::futimens(out.get(), times.data()) != 0) {
      return fail(failed("copy", name));
    }
    return {};
  }

  static Result<void> copy_link(int source, int target, const std::string& name,
                                const struct stat& info) {
    std::string text(static_cast<std::size_t>(info.st_size) + 1, '\0');
    const ssize_t size = ::readlinkat(source, name.c_str(), text.data(), text.size());
    if (size < 0 || ::symlinkat(text.c_str(), target, name.c_str()) != 0 ||
        ::fchownat(target, name.c_str(), kNobody, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(failed("copy the link", name));
    }
    return {};
  }

  static Error failed(const std::string& what, const std::string& path) {
    const int number = errno;
    Error error = system_error(number, "cannot " + what + " " + path);
    if (number == ENOENT || number == ENOTDIR || number == ELOOP || number == EEXIST) {
      error.error_class = ErrorClass::corrupt;
    }
    return error;
  }

  OpenPath from_;
  OpenPath to_;
  const std::optional<gid_t> group_;
};

/// What a tree of these entries holds, directories included, by path.
std::unordered_map<std::string, mode_t> expected_in(const std::vector<TreeEntry>& entries) {
  std::unordered_map<std::string, mode_t> expected;
  for (const TreeEntry& entry : entries) {
    const bool is_directory = entry.mode == kSubmoduleMode || entry.mode == kDirectoryMode;
    const mode_t mode = is_directory              ? S_IFDIR | 0755U
                        : entry.mode == kLinkMode ? S_IFLNK | 0777U
                                                  : entry.mode;
    expected.emplace(entry.path, mode);
    for (std::size_t slash = entry.path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = entry.path.rfind('/', slash - 1)) {
      if (!expected.emplace(entry.path.substr(0, slash), S_IFDIR | 0755U).second) {
        break;
      }
    }
  }
  return expected;
}

/// Takes what is found off the expected; false: something is there that is not expected so.
bool tick_off(const std::string& tree, const std::string& prefix,
              std::unordered_map<std::string, mode_t>& expected) {
  const auto names = list_directory(tree + "/" + prefix);
  return names && std::all_of(names->begin(), names->end(), [&](const std::string& name) {
           const std::string path = prefix + name;
           if (path == ".git") {
             return true;
           }
           struct stat info {};
           const auto position = expected.find(path);
           if (position == expected.end() || ::lstat((tree + "/" + path).c_str(), &info) != 0 ||
               (info.st_mode & 0170777U) != position->second) {
             return false;
           }
           expected.erase(position);
           return !S_ISDIR(info.st_mode) || tick_off(tree, path + "/", expected);
         });
}

}  // namespace

Result<void> link_tree(const std::string& from, const std::string& to,
                       const std::vector<TreeEntry>& entries, std::optional<gid_t> group,
                       const CancelToken& cancel) {
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const UniqueFd target(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source || !target || (group && ::fchown(target.get(), kNobody, *group) != 0)) {
    return fail(system_error(errno, "cannot link " + from + " to " + to));
  }
  Linker linker(source.get(), target.get(), group);
  for (const TreeEntry& entry : entries) {
    if (cancel.cancelled()) {
      return fail(ErrorClass::conflict, "cancelled");
    }
    FRESHET_CHECK(linker.take(entry));
  }
  if (::syncfs(target.get()) != 0) {
    return fail(system_error(errno, "cannot sync " + to));
  }
  return {};
}

bool holds_exactly(const std::string& tree, const std::vector<TreeEntry>& entries) {
  auto expected = expected_in(entries);
  return tick_off(tree, "", expected) && expected.empty();
}

}  // namespace freshet::checkout
