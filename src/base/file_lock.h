#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet {

/// An exclusive lock (flock(2)) on a file that also says which process holds it. A child that
/// inherits descriptor() keeps the lock until it ends, so nobody works beside a leftover of a
/// killed process. The file stays.
class FileLock {
 public:
  /// Error of class conflict, naming the holder, when somebody else has it and still has it after
  /// `patience`.
  static Result<FileLock> acquire(const std::string& path, Duration patience = Duration(0));
  /// Whether somebody holds it now, and who; empty when nobody does.
  static std::string holder(const std::string& path);

  int descriptor() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace freshet
