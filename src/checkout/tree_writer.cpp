#include "checkout/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/files.h"
#include "checkout/conversion.h"
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

Attribute attribute(const char* value) {
  switch (git_attr_value(value)) {
    case GIT_ATTR_VALUE_TRUE:
      return {Attribute::State::set};
    case GIT_ATTR_VALUE_FALSE:
      return {Attribute::State::unset};
    case GIT_ATTR_VALUE_STRING:
      return {Attribute::State::value, value};
    case GIT_ATTR_VALUE_UNSPECIFIED:
      break;
  }
  return {};
}

/// An object that the commit names: one that is of another type damages it as a missing one does.
template <class Object>
Result<Object> belonging(Result<Object> object) {
  if (!object && object.error().error_class == ErrorClass::internal) {
    object.error().error_class = ErrorClass::corrupt;
  }
  return object;
}

/// One write of one commit.
class Session {
 public:
  Session(git_repository* repository, const git_oid& commit, std::optional<gid_t> group,
          const CancelToken& cancel)
      : repository_(repository), commit_(commit), group_(group), cancel_(cancel) {}

  Result<void> write_directory(const git_oid& tree_id, const Place& place) {
    FRESHET_TRY(const git2::Tree tree, belonging(git2::lookup_tree(repository_, tree_id)));
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
    // The raw mode: libgit2 takes every unknown kind for a file, git for a submodule.
    const unsigned mode = git_tree_entry_filemode_raw(&entry);
    switch (mode & 0170000U) {
      case GIT_FILEMODE_TREE:
        return write_subdirectory(name, id, place);
      case S_IFREG:
        return write_file(name, id, (mode & S_IXUSR) != 0 ? 0755 : 0644, place);
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
    FRESHET_TRY(const git2::Blob blob, belonging(git2::lookup_blob(repository_, id)));
    std::string_view content(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                             static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    std::optional<std::string> converted;
    if (place.has_attributes) {
      FRESHET_TRY(const Conversion conversion, read_attributes(place.prefix + name));
      converted = to_working_tree(content, conversion, git2::from_oid(id));
      content = converted ? std::string_view(*converted) : content;
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
    FRESHET_TRY(const git2::Blob blob, belonging(git2::lookup_blob(repository_, id)));
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

  /// By the commit's own .gitattributes; no other file and no configuration counts.
  Result<Conversion> read_attributes(const std::string& path) const {
    git_attr_options options = GIT_ATTR_OPTIONS_INIT;
    options.flags = GIT_ATTR_CHECK_NO_SYSTEM | GIT_ATTR_CHECK_INCLUDE_COMMIT;
    options.attr_commit_id = commit_;
    std::array<const char*, 4> names{"text", "crlf", "eol", "ident"};
    std::array<const char*, 4> values{};
    if (git_attr_get_many_ext(values.data(), repository_, &options, path.c_str(), names.size(),
                              names.data()) != 0) {
      return fail(git2::last_error("cannot read the attributes of " + path));
    }
    return conversion_for(attribute(values[0]), attribute(values[1]), attribute(values[2]),
                          attribute(values[3]));
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
    const int number = errno;
    Error error = system_error(number, "cannot " + what + " " + place.prefix + name);
    // Nobody but us is in the place, so that it is the commit that asks for something impossible: a
    // name twice, an empty link, more than the file system takes.
    constexpr std::array kImpossible{EEXIST, ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EINVAL, EILSEQ};
    if (std::find(kImpossible.begin(), kImpossible.end(), number) != kImpossible.end()) {
      error.error_class = ErrorClass::corrupt;
    }
    return error;
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
