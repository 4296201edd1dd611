#include "checkout/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "checkout/path_rules.h"
#include "mirror/git2.h"

namespace freshet::checkout {
namespace {

namespace git2 = mirror::git2;

constexpr int kDeepest = 1000;  ///< directories inside one another

/// A directory that is being written: where, and how its paths begin.
struct Place {
  int fd;
  std::string prefix;   ///< "" or "a/b/"
  bool has_attributes;  ///< this directory or one above has a .gitattributes
  int depth;
};

Result<void> check_name(const std::string& prefix, const char* name) {
  if (!is_safe_entry_name(name)) {
    return fail(ErrorClass::corrupt, "the commit contains the path " + prefix + name +
                                         ", which must not be written; nothing was published");
  }
  return {};
}

/// One write of one commit.
class Session {
 public:
  Session(git_repository* repository, const git_oid& commit, std::optional<gid_t> group,
          const CancelToken& cancel)
      : repository_(repository), commit_(commit), group_(group), cancel_(cancel) {}

  Result<void> write_directory(const git_oid& tree_id, const Place& place) {
    FRESHET_TRY(const git2::Tree tree, git2::lookup_tree(repository_, tree_id));
    Place here = place;
    here.has_attributes =
        here.has_attributes || git_tree_entry_byname(tree.get(), ".gitattributes") != nullptr;
    const std::size_t count = git_tree_entrycount(tree.get());
    for (std::size_t i = 0; i < count; ++i) {
      if (cancel_.cancelled()) {
        return fail(ErrorClass::conflict, "cancelled");
      }
      FRESHET_CHECK(write_entry(*git_tree_entry_byindex(tree.get(), i), here));
    }
    return {};
  }

  std::vector<IndexEntry> take_entries() { return std::move(entries_); }

 private:
  Result<void> write_entry(const git_tree_entry& entry, const Place& place) {
    const char* name = git_tree_entry_name(&entry);
    FRESHET_CHECK(check_name(place.prefix, name));
    const git_oid& id = *git_tree_entry_id(&entry);
    switch (git_tree_entry_filemode(&entry)) {
      case GIT_FILEMODE_TREE:
        return write_subdirectory(name, id, place);
      case GIT_FILEMODE_BLOB:
        return write_file(name, id, 0644, place);
      case GIT_FILEMODE_BLOB_EXECUTABLE:
        return write_file(name, id, 0755, place);
      case GIT_FILEMODE_LINK:
        return write_link(name, id, place);
      case GIT_FILEMODE_COMMIT:
        return write_submodule(name, id, place);
      default:
        return fail(ErrorClass::corrupt, "the commit contains " + place.prefix + name +
                                             ", which is no file, link or directory");
    }
  }

  Result<UniqueFd> make_directory(const char* name, const Place& place) {
    if (::mkdirat(place.fd, name, 0755) != 0) {
      return fail(failed("create the directory", name, place));
    }
    UniqueFd fd(::openat(place.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || (group_ && ::fchown(fd.get(), static_cast<uid_t>(-1), *group_) != 0)) {
      return fail(failed("prepare the directory", name, place));
    }
    return fd;
  }

  Result<void> write_subdirectory(const char* name, const git_oid& id, const Place& place) {
    if (place.depth >= kDeepest) {
      return fail(ErrorClass::corrupt,
                  "the commit's directories are nested deeper than " + std::to_string(kDeepest));
    }
    FRESHET_TRY(const UniqueFd fd, make_directory(name, place));
    return write_directory(
        id, {fd.get(), place.prefix + name + "/", place.has_attributes, place.depth + 1});
  }

  Result<void> write_submodule(const char* name, const git_oid& id, const Place& place) {
    FRESHET_TRY(const UniqueFd fd, make_directory(name, place));
    return record(name, 0160000, id, fd.get(), place);
  }

  Result<void> write_file(const char* name, const git_oid& id, mode_t mode, const Place& place) {
    FRESHET_TRY(const git2::Blob blob, git2::lookup_blob(repository_, id));
    git2::Buffer filtered;
    std::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                             static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    if (place.has_attributes) {
      FRESHET_TRY(const bool changed, filter(*blob, place.prefix + name, filtered));
      if (changed) {
        content = std::string_view(filtered.get()->ptr, filtered.get()->size);
      }
    }
    const UniqueFd fd(
        ::openat(place.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) {
      return fail(failed("create", name, place));
    }
    FRESHET_CHECK(write_all(fd.get(), content, place.prefix + name));
    if (group_ && ::fchown(fd.get(), static_cast<uid_t>(-1), *group_) != 0) {
      return fail(failed("set the group of", name, place));
    }
    return record(name, mode == 0755 ? 0100755 : 0100644, id, fd.get(), place);
  }

  Result<void> write_link(const char* name, const git_oid& id, const Place& place) {
    FRESHET_TRY(const git2::Blob blob, git2::lookup_blob(repository_, id));
    const std::string target(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                             static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    if (::symlinkat(target.c_str(), place.fd, name) != 0) {
      return fail(failed("create the link", name, place));
    }
    if (group_ &&
        ::fchownat(place.fd, name, static_cast<uid_t>(-1), *group_, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(failed("set the group of", name, place));
    }
    return record(name, 0120000, id, -1, place);
  }

  /// Line endings and $Id$ by the commit's own attributes. False: the content stays as it is.
  Result<bool> filter(git_blob& blob, const std::string& path, git2::Buffer& result) const {
    git_filter_options options = GIT_FILTER_OPTIONS_INIT;
    options.flags = GIT_FILTER_ATTRIBUTES_FROM_COMMIT;
    options.attr_commit_id = commit_;
    git_filter_list* raw = nullptr;
    if (git_filter_list_load_ext(&raw, repository_, &blob, path.c_str(), GIT_FILTER_TO_WORKTREE,
                                 &options) != 0) {
      return fail(git2::last_error("cannot read the attributes of " + path));
    }
    const git2::FilterList filters(raw);
    if (!filters) {
      return false;
    }
    if (git_filter_list_apply_to_blob(result.get(), filters.get(), &blob) != 0) {
      return fail(git2::last_error("cannot convert " + path));
    }
    return true;
  }

  Result<void> record(const char* name, std::uint32_t mode, const git_oid& id, int fd,
                      const Place& place) {
    IndexEntry entry;
    const int status = fd >= 0 ? ::fstat(fd, &entry.info)
                               : ::fstatat(place.fd, name, &entry.info, AT_SYMLINK_NOFOLLOW);
    if (status != 0) {
      return fail(failed("look at", name, place));
    }
    entry.entry = {place.prefix + name, mode, git2::from_oid(id)};
    entries_.push_back(std::move(entry));
    return {};
  }

  static Error failed(const std::string& what, const char* name, const Place& place) {
    return system_error(errno, "cannot " + what + " " + place.prefix + name);
  }

  git_repository* repository_;
  const git_oid commit_;
  const std::optional<gid_t> group_;
  const CancelToken& cancel_;
  std::vector<IndexEntry> entries_;
};

Result<void> list_directory_of(git_repository* repository, const git_oid& tree_id,
                               const std::string& prefix, std::vector<TreeEntry>& entries) {
  FRESHET_TRY(const git2::Tree tree, git2::lookup_tree(repository, tree_id));
  for (std::size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
    const git_tree_entry& entry = *git_tree_entry_byindex(tree.get(), i);
    const std::string path = prefix + git_tree_entry_name(&entry);
    const git_filemode_t mode = git_tree_entry_filemode(&entry);
    if (mode == GIT_FILEMODE_TREE) {
      FRESHET_CHECK(list_directory_of(repository, *git_tree_entry_id(&entry), path + "/", entries));
    } else {
      entries.push_back(
          {path, static_cast<std::uint32_t>(mode), git2::from_oid(*git_tree_entry_id(&entry))});
    }
  }
  return {};
}

}  // namespace

Result<std::vector<IndexEntry>> TreeWriter::write(const ObjectId& commit,
                                                  const std::string& directory,
                                                  const CancelToken& cancel) const {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror_path_));
  FRESHET_TRY(const git2::Commit object, git2::lookup_commit(repository.get(), commit));
  const UniqueFd root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root || (group_ && ::fchown(root.get(), static_cast<uid_t>(-1), *group_) != 0)) {
    return fail(system_error(errno, "cannot prepare " + directory));
  }
  Session session(repository.get(), *git_commit_id(object.get()), group_, cancel);
  FRESHET_CHECK(
      session.write_directory(*git_commit_tree_id(object.get()), {root.get(), "", false, 0}));
  return session.take_entries();
}

Result<std::vector<TreeEntry>> list_tree(const std::string& mirror_path, const ObjectId& commit) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror_path));
  FRESHET_TRY(const git2::Commit object, git2::lookup_commit(repository.get(), commit));
  std::vector<TreeEntry> entries;
  FRESHET_CHECK(
      list_directory_of(repository.get(), *git_commit_tree_id(object.get()), "", entries));
  return entries;
}

}  // namespace freshet::checkout
