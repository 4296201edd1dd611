#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet::checkout {

/// A directory of a tree, held open together with those above it, so that going on to one nearby is
/// cheap and no symbolic link on the way is ever followed. One thread.
class OpenPath {
 public:
  /// `root` is borrowed.
  explicit OpenPath(int root) : root_(root) {}

  /// The descriptor of a directory below the root ("": the root), valid until the next call.
  /// errno says what went wrong when the result is -1; ELOOP, ENOTDIR: no real directory.
  int enter(std::string_view directory);

 private:
  struct Level {
    std::size_t size;  ///< of the path up to here
    UniqueFd fd;
  };
  int root_;
  std::string path_;
  std::vector<Level> levels_;
};

/// "a/b" and "c" of "a/b/c"; "" and "c" of "c".
struct SplitPath {
  std::string_view directory;
  std::string name;
};
SplitPath split_path(const std::string& path);

}  // namespace freshet::checkout
