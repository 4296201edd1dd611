#include "checkout/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <future>
#include <iterator>
#include <set>

#include "base/files.h"
#include "checkout/blob_content.h"
#include "checkout/building_place.h"
#include "checkout/early_sync.h"
#include "checkout/open_path.h"

namespace freshet::checkout {
namespace {

/// Up to so many changes are synced one by one; beyond, the whole file system is.
constexpr std::size_t kFew = 256;
/// After so many bytes it is looked how much is free.
constexpr std::size_t kLook = std::size_t{16} << 20U;
constexpr auto kNobody = static_cast<uid_t>(-1);

class Writer {
 public:
  Writer(BlobReader blobs, UniqueFd root, const WriteTarget& target, bool sync_each)
      : blobs_(std::move(blobs)),
        root_(std::move(root)),
        target_(target),
        sync_each_(sync_each),
        at_(root_.get()),
        early_sync_(root_.get()) {}

  Result<void> remove(const Removal& removal) {
    const SplitPath path = split_path(removal.path);
    const int directory = at_.enter(path.directory);
    if (directory >= 0 &&
        ::unlinkat(directory, path.name.c_str(), removal.is_directory ? AT_REMOVEDIR : 0) == 0) {
      touched(path);
      return {};
    }
    constexpr std::array kSomebodyElses{ENOENT, ENOTDIR, ELOOP, ENOTEMPTY, EEXIST, EISDIR};
    const bool may_stay =
        is_visible() && std::count(kSomebodyElses.begin(), kSomebodyElses.end(), errno) != 0;
    return may_stay ? Result<void>() : fail(failed("remove", removal.path));
  }

  Result<void> add(const Addition& addition) {
    const SplitPath path = split_path(addition.entry.path);
    const int directory = at_.enter(path.directory);
    if (directory < 0) {
      return fail(failed("enter the directory of", addition.entry.path));
    }
    touched(path);
    const Place place{directory, path.name};
    switch (addition.entry.mode) {
      case kDirectoryMode:
        return make_directory(addition, place);
      case kSubmoduleMode:
        FRESHET_CHECK(make_directory(addition, place));
        return record(addition, place);
      case kLinkMode:
        return write_link(addition, place);
      default:
        return write_file(addition, place);
    }
  }

  Result<void> sync() {
    if (!sync_each_) {
      return early_sync_.finish() ? Result<void>() : fail(failed("sync", "the tree"));
    }
    for (const UniqueFd& file : files_) {
      if (::fsync(file.get()) != 0) {
        return fail(failed("sync", "a file"));
      }
    }
    for (const std::string& directory : directories_) {
      const int fd = at_.enter(directory);
      if (fd >= 0 && ::fsync(fd) != 0) {  // one that is gone has nothing to sync
        return fail(failed("sync", directory));
      }
    }
    return {};
  }

  std::vector<IndexEntry> take_entries() { return std::move(entries_); }

 private:
  struct Place {
    int directory;
    const std::string& name;
  };

  bool is_visible() const { return !target_.beside.empty(); }

  void touched(const SplitPath& path) {
    if (sync_each_) {
      directories_.emplace(path.directory);
    }
  }

  /// Where to create what shall be at the place.
  Result<const char*> creation_name(const Addition& addition, const Place& place) const {
    const char* name = is_visible() ? target_.beside.c_str() : place.name.c_str();
    const bool something_is_there = is_visible() || addition.replaces;
    if (something_is_there && ::unlinkat(place.directory, name, 0) != 0 && errno != ENOENT) {
      return fail(failed("replace", addition.entry.path));
    }
    return name;
  }

  /// Puts what was created where it belongs.
  Result<void> finish(const Addition& addition, const Place& place, const char* name) const {
    if (!is_visible()) {
      return {};
    }
    const unsigned flags = addition.replaces ? 0U : RENAME_NOREPLACE;
    if (::renameat2(place.directory, name, place.directory, place.name.c_str(), flags) == 0) {
      return {};
    }
    const Error error = failed("put into place", addition.entry.path);
    ::unlinkat(place.directory, name, 0);
    return fail(error);
  }

  Result<void> make_directory(const Addition& addition, const Place& place) {
    const bool may_exist = is_visible() || addition.replaces;
    if (::mkdirat(place.directory, place.name.c_str(), 0755) != 0 &&
        !(errno == EEXIST && may_exist)) {
      return fail(failed("create the directory", addition.entry.path));
    }
    const int fd = at_.enter(addition.entry.path);
    if (fd < 0 || (target_.group && ::fchown(fd, kNobody, *target_.group) != 0)) {
      return fail(failed("prepare the directory", addition.entry.path));
    }
    return {};
  }

  /// A small pack can unfold to more than the disk has, which others need, too.
  Result<void> check_room(std::size_t size) {
    unseen_bytes_ += size;
    if (unseen_bytes_ < kLook) {
      return {};
    }
    unseen_bytes_ = 0;
    if (is_low(target_.directory, target_.min_free_disk)) {
      return fail(ErrorClass::no_space,
                  "less than limits.min_free_disk is free for " + target_.directory);
    }
    return {};
  }

  Result<void> write_file(const Addition& addition, const Place& place) {
    const TreeEntry& entry = addition.entry;
    FRESHET_TRY(const std::string_view content,
                blobs_.file(entry.path, entry.id, addition.has_attributes));
    FRESHET_CHECK(check_room(content.size()));
    FRESHET_TRY(const char* name, creation_name(addition, place));
    const mode_t mode = entry.mode == 0100755 ? 0755 : 0644;
    UniqueFd fd(::openat(place.directory, name,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) {
      return fail(failed("create", entry.path));
    }
    FRESHET_CHECK(write_all(fd.get(), content, entry.path));
    if (target_.group && ::fchown(fd.get(), kNobody, *target_.group) != 0) {
      return fail(failed("set the group of", entry.path));
    }
    if (sync_each_ && is_visible() && ::fsync(fd.get()) != 0) {
      return fail(failed("sync", entry.path));
    }
    FRESHET_CHECK(finish(addition, place, name));
    IndexEntry& written = entries_.emplace_back();
    written.entry = entry;
    if (::fstat(fd.get(), &written.info) != 0) {
      return fail(failed("look at", entry.path));
    }
    if (!sync_each_) {
      early_sync_.note_file();
    } else if (!is_visible()) {
      files_.push_back(std::move(fd));  // synced together, the journal is written once
    }
    return {};
  }

  Result<void> write_link(const Addition& addition, const Place& place) {
    FRESHET_TRY(const std::string_view content,
                blobs_.link(addition.entry.path, addition.entry.id));
    FRESHET_TRY(const char* name, creation_name(addition, place));
    if (::symlinkat(std::string(content).c_str(), place.directory, name) != 0) {
      return fail(failed("create the link", addition.entry.path));
    }
    if (target_.group &&
        ::fchownat(place.directory, name, kNobody, *target_.group, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(failed("set the group of", addition.entry.path));
    }
    FRESHET_CHECK(finish(addition, place, name));
    return record(addition, place);
  }

  Result<void> record(const Addition& addition, const Place& place) {
    const SplitPath path = split_path(addition.entry.path);
    const int directory = at_.enter(path.directory);
    IndexEntry& written = entries_.emplace_back();
    written.entry = addition.entry;
    if (directory < 0 ||
        ::fstatat(directory, place.name.c_str(), &written.info, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(failed("look at", addition.entry.path));
    }
    return {};
  }

  Error failed(const std::string& what, const std::string& path) const {
    const int number = errno;
    Error error = system_error(number, "cannot " + what + " " + path);
    // Where nobody else writes it is the commit that asks for something impossible: an empty link,
    // more than the file system takes.
    constexpr std::array kImpossible{EEXIST, ENOENT, ENOTDIR, ENAMETOOLONG,
                                     ELOOP,  EINVAL, EILSEQ,  EISDIR};
    constexpr std::array kInTheWay{EEXIST, ENOTDIR, ELOOP, EISDIR, ENOTEMPTY};
    if (is_visible() && std::count(kInTheWay.begin(), kInTheWay.end(), number) != 0) {
      error = {ErrorClass::conflict,
               target_.directory + "/" + path +
                   " is in the way of a file of the commit and was not made by freshet; it is left "
                   "alone. Move it away",
               std::nullopt};
    } else if (std::count(kImpossible.begin(), kImpossible.end(), number) != 0) {
      error.error_class = ErrorClass::corrupt;
    }
    return error;
  }

  BlobReader blobs_;
  UniqueFd root_;
  const WriteTarget& target_;
  const bool sync_each_;
  OpenPath at_;
  EarlySync early_sync_;
  std::vector<IndexEntry> entries_;
  std::size_t unseen_bytes_ = 0;       ///< written since the free space was looked at
  std::vector<UniqueFd> files_;        ///< to be synced
  std::set<std::string> directories_;  ///< likewise
};

constexpr std::size_t kMany = 512;  ///< files from which on two threads write

Result<Writer> open_writer(const std::string& mirror_path, const ObjectId& commit,
                           const WriteTarget& target, bool sync_each) {
  FRESHET_TRY(BlobReader blobs, BlobReader::of(mirror_path, commit));
  UniqueFd root(::open(target.directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root || (target.group && ::fchown(root.get(), kNobody, *target.group) != 0)) {
    return fail(system_error(errno, "cannot prepare " + target.directory));
  }
  return Writer(std::move(blobs), std::move(root), target, sync_each);
}

using Additions = std::vector<Addition>::const_iterator;

template <class Matches>
Result<void> add_matching(Writer& writer, Additions begin, Additions end, const CancelToken& cancel,
                          Matches matches) {
  for (auto addition = begin; addition != end; ++addition) {
    if (cancel.cancelled()) {
      return fail(ErrorClass::conflict, "cancelled");
    }
    if (matches(*addition)) {
      FRESHET_CHECK(writer.add(*addition));
    }
  }
  return {};
}

bool is_anything(const Addition& /*addition*/) {
  return true;
}
bool is_directory_of_files(const Addition& addition) {
  return addition.entry.mode == kDirectoryMode;
}
bool is_no_directory(const Addition& addition) {
  return addition.entry.mode != kDirectoryMode;
}

/// The directories first; then half of the rest on a thread of its own.
Result<void> add_by_two(Writer& writer, Writer& other, const TreePlan& plan,
                        const CancelToken& cancel) {
  const auto begin = plan.additions.begin();
  const auto end = plan.additions.end();
  const auto middle = begin + static_cast<std::ptrdiff_t>(plan.additions.size() / 2);
  FRESHET_CHECK(add_matching(writer, begin, end, cancel, is_directory_of_files));
  auto second = std::async(std::launch::async, [&] {
    return add_matching(other, middle, end, cancel, is_no_directory);
  });
  const auto first = add_matching(writer, begin, middle, cancel, is_no_directory);
  const auto rest = second.get();
  return first ? rest : first;
}

}  // namespace

Result<std::vector<IndexEntry>> write_tree(const std::string& mirror_path, const ObjectId& commit,
                                           const TreePlan& plan, const WriteTarget& target,
                                           const CancelToken& cancel) {
  FRESHET_TRY(Writer writer, open_writer(mirror_path, commit, target, plan.size() <= kFew));
  for (const Removal& removal : plan.removals) {
    FRESHET_CHECK(writer.remove(removal));
  }
  // Where readers are at work there is one name to write under, and so one writer.
  if (plan.additions.size() < kMany || !target.beside.empty()) {
    FRESHET_CHECK(
        add_matching(writer, plan.additions.begin(), plan.additions.end(), cancel, is_anything));
    FRESHET_CHECK(writer.sync());
    return writer.take_entries();
  }
  FRESHET_TRY(Writer other, open_writer(mirror_path, commit, target, false));
  FRESHET_CHECK(add_by_two(writer, other, plan, cancel));
  FRESHET_CHECK(writer.sync());
  auto entries = writer.take_entries();
  auto more = other.take_entries();
  entries.insert(entries.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
  return entries;
}

}  // namespace freshet::checkout
