#include "checkout/regroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "checkout/open_path.h"

namespace freshet::checkout {
namespace {

constexpr auto kNobody = static_cast<uid_t>(-1);

bool is_missing(int number) {
  return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

}  // namespace

Result<void> regroup(const std::string& tree, const std::vector<TreeEntry>& entries, gid_t group) {
  const UniqueFd root(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) {
    return fail(system_error(errno, "cannot open " + tree));
  }
  OpenPath at(root.get());
  std::string last;
  for (const TreeEntry& entry : entries) {
    const SplitPath path = split_path(entry.path);
    const int directory = at.enter(path.directory);
    if (directory < 0 ||
        ::fchownat(directory, path.name.c_str(), kNobody, group, AT_SYMLINK_NOFOLLOW) != 0) {
      if (is_missing(errno)) {
        continue;
      }
      return fail(system_error(errno, "cannot set the group of " + tree + "/" + entry.path));
    }
    if (path.directory == last) {
      continue;
    }
    // Each directory on the way, as often as the walk comes into another one.
    for (std::string above(path.directory); !above.empty();
         above = std::string(split_path(above).directory)) {
      if (const int fd = at.enter(above); fd >= 0 && ::fchown(fd, kNobody, group) != 0) {
        return fail(system_error(errno, "cannot set the group of " + tree + "/" + above));
      }
    }
    last = path.directory;
  }
  if (::fchown(root.get(), kNobody, group) != 0) {
    return fail(system_error(errno, "cannot set the group of " + tree));
  }
  return {};
}

}  // namespace freshet::checkout
