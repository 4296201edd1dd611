#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
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

}  // namespace freshet::checkout
