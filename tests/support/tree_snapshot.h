#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>
#include <ostream>
#include <string>

#include "support/git_fixture.h"

namespace freshet::testing {

/// What a reader sees at one path of a tree.
struct Seen {
  mode_t mode = 0;      ///< type and permissions, as lstat(2) gives them
  std::string content;  ///< of a file, or where a link leads
  bool operator==(const Seen&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << std::oct << seen.mode << std::dec << " "
               << ::testing::PrintToString(seen.content);
  }
};

using Snapshot = std::map<std::string, Seen>;

inline std::string link_target(const std::string& path) {
  std::array<char, 8192> buffer{};
  const ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

inline void add_to_snapshot(Snapshot& snapshot, const std::string& root, const std::string& below) {
  for (const std::string& name : must(list_directory(root + "/" + below))) {
    const std::string path = below + name;
    struct stat info {};
    if (path == ".git" || ::lstat((root + "/" + path).c_str(), &info) != 0) {
      continue;
    }
    Seen& seen = snapshot[path];
    seen.mode = info.st_mode;
    if (S_ISLNK(info.st_mode)) {
      seen.content = link_target(root + "/" + path);
    } else if (S_ISREG(info.st_mode)) {
      seen.content = must(read_file(root + "/" + path));
    } else if (S_ISDIR(info.st_mode)) {
      add_to_snapshot(snapshot, root, path + "/");
    }
  }
}

/// Everything below a directory, by its path in there, without .git at the top. No link is
/// followed.
inline Snapshot snapshot_of(const std::string& directory) {
  Snapshot snapshot;
  add_to_snapshot(snapshot, directory, "");
  return snapshot;
}

}  // namespace freshet::testing
