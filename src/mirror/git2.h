#pragma once

#include <git2.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "model/ids.h"

/// libgit2's handles as values that free themselves, and its errors as ours. A handle belongs to
/// one thread and to one operation.
namespace freshet::mirror::git2 {

struct Free {
  void operator()(git_repository* handle) const { git_repository_free(handle); }
  void operator()(git_tree* handle) const { git_tree_free(handle); }
  void operator()(git_blob* handle) const { git_blob_free(handle); }
  void operator()(git_object* handle) const { git_object_free(handle); }
  void operator()(git_reference* handle) const { git_reference_free(handle); }
  void operator()(git_reference_iterator* handle) const { git_reference_iterator_free(handle); }
  void operator()(git_config* handle) const { git_config_free(handle); }
  void operator()(git_odb* handle) const { git_odb_free(handle); }
  void operator()(git_transaction* handle) const { git_transaction_free(handle); }
  void operator()(git_filter_list* handle) const { git_filter_list_free(handle); }
};

using Repository = std::unique_ptr<git_repository, Free>;
using Tree = std::unique_ptr<git_tree, Free>;
using Blob = std::unique_ptr<git_blob, Free>;
using Object = std::unique_ptr<git_object, Free>;
using Reference = std::unique_ptr<git_reference, Free>;
using ReferenceIterator = std::unique_ptr<git_reference_iterator, Free>;
using Config = std::unique_ptr<git_config, Free>;
using Odb = std::unique_ptr<git_odb, Free>;
using Transaction = std::unique_ptr<git_transaction, Free>;
using FilterList = std::unique_ptr<git_filter_list, Free>;

/// A buffer that libgit2 allocates.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { git_buf_dispose(&buffer_); }
  git_buf* get() { return &buffer_; }

 private:
  git_buf buffer_ = GIT_BUF_INIT;
};

/// Sets libgit2 up once for the process: no configuration but a repository's own, bounded maps.
/// Everything below calls it; call it early where threads start.
void initialize();

/// What the last failed call of this thread means; `what` says what was being done, `code` is what
/// the call returned, where "not found" and "locked" matter.
Error last_error(const std::string& what, int code = GIT_ERROR);

Result<Repository> open_bare(const std::string& path);
Result<Tree> lookup_tree(git_repository* repository, const git_oid& id);
Result<Blob> lookup_blob(git_repository* repository, const git_oid& id);
/// Error corrupt: the object is missing, or no file. Does not read its content.
Result<void> check_blob(git_repository* repository, const git_oid& id);

/// What an entry of a tree is: S_IFDIR, S_IFREG, S_IFLNK, 0160000 for a submodule, or any other
/// type bits, which git takes for a submodule and libgit2 for a file.
unsigned kind_of(const git_tree_entry* entry);

/// Error protocol: an id that this libgit2 cannot hold (SHA-256).
Result<git_oid> to_oid(const ObjectId& id);
ObjectId from_oid(const git_oid& oid);

}  // namespace freshet::mirror::git2
