#include "mirror/git2.h"

#include <mutex>
#include <string_view>

#include "mirror/git2_memory.h"

namespace freshet::mirror::git2 {
namespace {

bool says(const git_error* error, std::string_view text) {
  return error != nullptr && error->message != nullptr &&
         std::string_view(error->message).find(text) != std::string_view::npos;
}

/// errno is no help here: a call that failed for another reason leaves an old one.
ErrorClass class_of(const git_error* error, int code) {
  if (says(error, "No space left on device") || says(error, "Disk quota exceeded")) {
    return ErrorClass::no_space;
  }
  if (says(error, "Permission denied") || says(error, "Read-only file system")) {
    return ErrorClass::config;
  }
  if (code == GIT_ENOTFOUND) {
    return ErrorClass::not_found;
  }
  if (code == GIT_ELOCKED) {
    return ErrorClass::conflict;
  }
  if (error == nullptr) {
    return ErrorClass::internal;
  }
  switch (error->klass) {
    case GIT_ERROR_NOMEMORY:  // what an object asks for, see git2_memory.h
    case GIT_ERROR_ODB:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_TREE:
    case GIT_ERROR_TAG:
    case GIT_ERROR_INDEXER:
    case GIT_ERROR_REPOSITORY:
    case GIT_ERROR_REFERENCE:
    case GIT_ERROR_INVALID:  // what was read means nothing, such as an author
      return ErrorClass::corrupt;
    default:
      return ErrorClass::internal;
  }
}

}  // namespace

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    bound_memory();
    git_libgit2_init();
    // The options are global and unsynchronised: all of them are set here and nowhere else. A
    // person's ~/.gitconfig must not change what is published.
    for (const int level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
                            GIT_CONFIG_LEVEL_PROGRAMDATA}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    // No limit of open packs: libgit2 closes those beyond it without a lock, while another thread
    // may be freeing them. A mirror has few (see care.h), and a handle lives for one refresh.
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, std::size_t{0});
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, static_cast<std::size_t>(1) << 30U);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(16) << 20);
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  });
}

Error last_error(const std::string& what, int code) {
  const git_error* error = git_error_last();
  std::string message = what;
  if (error != nullptr && error->klass == GIT_ERROR_NOMEMORY) {
    message += ": it needs more than " + std::to_string(kLargestObject >> 20U) + " MiB of memory";
  } else if (error != nullptr && error->message != nullptr) {
    message += ": ";
    message += error->message;
  }
  return Error{class_of(error, code), std::move(message), std::nullopt};
}

Result<Repository> open_bare(const std::string& path) {
  initialize();
  git_repository* raw = nullptr;
  if (git_repository_open_bare(&raw, path.c_str()) != 0) {
    return fail(last_error("cannot open the mirror " + path));
  }
  return Repository(raw);
}

Result<Tree> lookup_tree(git_repository* repository, const git_oid& id) {
  git_tree* raw = nullptr;
  if (git_tree_lookup(&raw, repository, &id) != 0) {
    return fail(last_error("cannot read the tree " + from_oid(id).hex()));
  }
  return Tree(raw);
}

Result<Blob> lookup_blob(git_repository* repository, const git_oid& id) {
  git_blob* raw = nullptr;
  if (git_blob_lookup(&raw, repository, &id) != 0) {
    return fail(last_error("cannot read the object " + from_oid(id).hex()));
  }
  return Blob(raw);
}

Result<void> check_blob(git_repository* repository, const git_oid& id) {
  git_odb* raw = nullptr;
  if (git_repository_odb(&raw, repository) != 0) {
    return fail(last_error("cannot read the mirror's objects"));
  }
  const Odb odb(raw);
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  if (git_odb_read_header(&size, &type, raw, &id) != 0 || type != GIT_OBJECT_BLOB) {
    return fail(ErrorClass::corrupt, "the file " + from_oid(id).hex() + " is missing or damaged");
  }
  return {};
}

unsigned kind_of(const git_tree_entry* entry) {
  return static_cast<unsigned>(git_tree_entry_filemode_raw(entry)) & 0170000U;
}

Result<git_oid> to_oid(const ObjectId& id) {
  git_oid oid{};
  if (id.hex().size() != GIT_OID_HEXSZ || git_oid_fromstr(&oid, id.hex().c_str()) != 0) {
    return fail(ErrorClass::protocol,
                "the upstream uses SHA-256 object ids, which are not supported yet");
  }
  return oid;
}

ObjectId from_oid(const git_oid& oid) {
  char hex[GIT_OID_HEXSZ + 1];
  git_oid_tostr(static_cast<char*>(hex), sizeof hex, &oid);
  return ObjectId::parse(static_cast<const char*>(hex)).value_or(ObjectId());
}

}  // namespace freshet::mirror::git2
