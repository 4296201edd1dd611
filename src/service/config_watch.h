#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace freshet::service {

/// Which content a path leads to, as far as the file system tells without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::int64_t changed = 0;   ///< the same, of the inode
  bool operator==(const FileIdentity&) const = default;

  /// Behind symbolic links; all 0 when there is no file.
  static FileIdentity of(const std::string& path);
};

/// Notices that a file became another one: written, replaced by a rename, or reached by a symbolic
/// link that was exchanged, on the way to it too. What the kernel tells of the directories on that
/// way (inotify) only says when to look. One thread.
class ConfigWatch {
 public:
  /// `known`: what was read of it. Without inotify it is looked at every few seconds.
  ConfigWatch(const std::string& path, FileIdentity known);

  /// Readable when something happened; -1: nothing will tell.
  int descriptor() const { return inotify_.get(); }
  /// When to call changed() without that.
  Instant next_look() const;

  /// Whether it is another file than the one that was told of last, and nobody writes to it any
  /// more: for a quarter of a second, or, while somebody has it open for that, 5 seconds.
  bool changed(Instant now);
  /// This was read of it, and is what it is compared with.
  void note(FileIdentity known) { known_ = known; }

 private:
  void take_events(Instant now);
  void watch_the_way();

  const std::string path_;
  FileIdentity known_;
  UniqueFd inotify_;
  std::map<int, std::set<std::string>> names_;  ///< that matter, by the watch of their directory
  std::optional<Instant> settled_at_;           ///< something happened; it is looked at then
  Instant look_again_;
};

}  // namespace freshet::service
