#include "checkout/blob_content.h"

#include <limits.h>

#include "checkout/tree_diff.h"

namespace freshet::checkout {

namespace git2 = mirror::git2;

namespace {

/// What the system takes, without the NUL behind it.
constexpr std::size_t kLongestLink = PATH_MAX - 1;

}  // namespace

Result<BlobReader> BlobReader::of(const std::string& mirror_path, const ObjectId& commit) {
  FRESHET_TRY(git2::Repository repository, git2::open_bare(mirror_path));
  FRESHET_TRY(Attributes attributes, Attributes::of(mirror_path, commit));
  return BlobReader(std::move(repository), std::move(attributes));
}

Result<std::string_view> BlobReader::raw(const std::string& path, const ObjectId& id) {
  FRESHET_TRY(const git_oid oid, git2::to_oid(id));
  auto blob = git2::lookup_blob(repository_.get(), oid);
  if (!blob) {
    // One that is of another type damages the commit as a missing one does.
    if (blob.error().error_class == ErrorClass::internal) {
      blob.error().error_class = ErrorClass::corrupt;
    }
    blob.error().message = "the commit's file " + path + ": " + blob.error().message;
    return fail(std::move(blob).error());
  }
  blob_ = std::move(*blob);
  return std::string_view(static_cast<const char*>(git_blob_rawcontent(blob_.get())),
                          static_cast<std::size_t>(git_blob_rawsize(blob_.get())));
}

Result<std::string_view> BlobReader::link(const std::string& path, const ObjectId& id) {
  FRESHET_TRY(const std::string_view target, raw(path, id));
  // Up to a NUL it would lead elsewhere, and never be what the commit has.
  if (target.empty() || target.size() > kLongestLink ||
      target.find('\0') != std::string_view::npos) {
    return fail(ErrorClass::corrupt, "the commit's link " + path + " leads to what no link can");
  }
  return target;
}

Result<void> BlobReader::check(const TreeEntry& entry) {
  if (entry.mode == kDirectoryMode || entry.mode == kSubmoduleMode) {
    return {};
  }
  if (entry.mode == kLinkMode) {
    FRESHET_CHECK(link(entry.path, entry.id));
    return {};
  }
  FRESHET_TRY(const git_oid oid, git2::to_oid(entry.id));
  return git2::check_blob(repository_.get(), oid);
}

Result<std::string_view> BlobReader::file(const std::string& path, const ObjectId& id,
                                          bool has_attributes) {
  FRESHET_TRY(const std::string_view content, raw(path, id));
  if (!has_attributes) {
    return content;
  }
  FRESHET_TRY(const Conversion conversion, attributes_.conversion(path));
  converted_ = to_working_tree(content, conversion, id);
  return converted_ ? std::string_view(*converted_) : content;
}

}  // namespace freshet::checkout
