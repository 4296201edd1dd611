#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkout/index_file.h"
#include "model/ids.h"

namespace freshet::checkout {

/// What has to go. Children stand before the directory that holds them.
struct Removal {
  std::string path;
  bool is_directory = false;
};

/// What has to be there. A directory stands before what it holds.
struct Addition {
  TreeEntry entry;              ///< mode 0040000: a directory
  bool replaces = false;        ///< the same kind (file or link; submodule) is at the path now
  bool has_attributes = false;  ///< some .gitattributes may speak of it
};

constexpr std::uint32_t kDirectoryMode = 0040000;
constexpr std::uint32_t kSubmoduleMode = 0160000;
constexpr std::uint32_t kLinkMode = 0120000;

/// The way from one commit's tree to another's: all removals first, then all additions.
struct TreePlan {
  std::vector<Removal> removals;
  std::vector<Addition> additions;
  bool empty() const { return removals.empty() && additions.empty(); }
  std::size_t size() const { return removals.size() + additions.size(); }
};

/// What one commit may hold; a few small trees that name each other can ask for more than any
/// machine has.
struct TreeLimits {
  std::size_t paths = 4'000'000;
  std::size_t path_bytes = std::size_t{1} << 29U;  ///< of all paths together
};

/// Compares the trees of two commits of the mirror; without `from`, everything is added. Costs what
/// differs: equal subtrees are not read, unless a .gitattributes that speaks of them changed, in
/// which case the files that are written in another way now are replaced. Reads no file's content.
/// Error corrupt: an object is missing, or `to` holds what must not be written (said which).
Result<TreePlan> plan_tree(const std::string& mirror_path, const std::optional<ObjectId>& from,
                           const ObjectId& to, const TreeLimits& limits = {});

/// Every path of a commit's tree that git's index would have, and the directories that hold nothing
/// (kDirectoryMode), without reading a file's content.
Result<std::vector<TreeEntry>> list_tree(const std::string& mirror_path, const ObjectId& commit);

}  // namespace freshet::checkout
