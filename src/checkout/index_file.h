#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace freshet::checkout {

/// A tracked path of a tree. Modes as git writes them: 0100644, 0100755, 0120000 (symbolic link),
/// 0160000 (submodule).
struct TreeEntry {
  std::string path;
  std::uint32_t mode = 0;
  ObjectId id;
};

/// One line of git's index: a tracked path and what stat(2) said when it was known to be equal.
struct IndexEntry {
  TreeEntry entry;
  struct stat info {};
};

/// The bytes of an index file, version 2 (gitformat-index(5)), SHA-1. `entries` are in any order.
std::string encode_index(std::vector<IndexEntry> entries);

/// An index that encode_index or update_index made, without the `removed` paths and with the
/// `written` entries, new or in place of those of the same path. nullopt: `old` is none of ours.
std::optional<std::string> update_index(std::string_view old, std::vector<std::string> removed,
                                        std::vector<IndexEntry> written);

/// What such an index says of a path, in its order. Size, and time of change in nanoseconds since
/// 1970, are as the file system gave them; a size is known modulo 2^32.
struct IndexRecord {
  std::string_view path;
  std::uint32_t mode = 0;
  std::uint32_t size = 0;
  std::uint32_t inode = 0;
  std::int64_t changed_seconds = 0;
  std::int64_t changed_nanoseconds = 0;
  std::string_view id;  ///< 20 bytes
};
/// Views into `bytes`; nullopt: it is none of ours.
std::optional<std::vector<IndexRecord>> read_index(std::string_view bytes);

}  // namespace freshet::checkout
