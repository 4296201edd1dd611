#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "checkout/attributes.h"
#include "checkout/index_file.h"
#include "mirror/git2.h"
#include "model/ids.h"

namespace freshet::checkout {

/// Reads what the files and links of one commit hold. One thread.
class BlobReader {
 public:
  static Result<BlobReader> of(const std::string& mirror_path, const ObjectId& commit);

  /// The bytes of the file at `path` in a working tree. `has_attributes`: some .gitattributes may
  /// speak of it. Valid until the next call. Error corrupt: the object is missing, or no file.
  Result<std::string_view> file(const std::string& path, const ObjectId& id, bool has_attributes);
  /// Where the link at `path` leads. Error corrupt, too: to what no link can lead to.
  Result<std::string_view> link(const std::string& path, const ObjectId& id);
  /// Whether file() or link() will answer, without reading a file's content.
  Result<void> check(const TreeEntry& entry);

 private:
  BlobReader(mirror::git2::Repository repository, Attributes attributes)
      : repository_(std::move(repository)), attributes_(std::move(attributes)) {}
  /// The stored bytes.
  Result<std::string_view> raw(const std::string& path, const ObjectId& id);

  mirror::git2::Repository repository_;
  Attributes attributes_;
  mirror::git2::Blob blob_;
  std::optional<std::string> converted_;
};

}  // namespace freshet::checkout
