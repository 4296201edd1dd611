#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/ids.h"

/// Where a mirror's history is cut off: git's file `shallow`, one commit a line whose parents are
/// not there.
namespace freshet::remote {

/// Empty when the history is whole.
Result<std::vector<ObjectId>> read_shallow(const std::string& mirror);

/// A new content that is not in force yet: for git's --shallow-file.
class NextShallow {
 public:
  /// `old` with what a fetch added and took away, written beside the mirror's own file.
  static Result<NextShallow> write(const std::string& mirror, const std::vector<ObjectId>& old,
                                   const std::vector<ObjectId>& added,
                                   const std::vector<ObjectId>& removed);
  NextShallow(NextShallow&& other) noexcept
      : path_(std::exchange(other.path_, {})), whole_(other.whole_) {}
  NextShallow& operator=(NextShallow&&) = delete;
  ~NextShallow();  ///< removes what was not put in force

  const std::string& path() const { return path_; }
  /// Makes it the mirror's own.
  Result<void> put_in_force(const std::string& mirror);

 private:
  explicit NextShallow(std::string path, bool whole) : path_(std::move(path)), whole_(whole) {}
  std::string path_;
  bool whole_ = false;
};

}  // namespace freshet::remote
