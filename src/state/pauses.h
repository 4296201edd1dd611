#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet::state {

/// Which repositories a person has paused, and since when, in a file: on disk before anybody is
/// told, so that it holds over restarts and kills. Names that the configuration does not know stay.
///
/// Format: {"paused":[{"repository":NAME,"since":MILLIS}]}. Thread-safe.
class Pauses {
 public:
  /// A file that is missing pauses nobody. Error config: it cannot be read, or is not as above.
  static Result<std::unique_ptr<Pauses>> open(std::string path);

  std::optional<WallTime> since(const RepositoryName& name) const EXCLUDES(mutex_);
  /// Returns since when: one that is paused already stays so. On failure nothing has changed.
  Result<WallTime> pause(const RepositoryName& name, WallTime at) EXCLUDES(file_mutex_, mutex_);
  /// Returns whether it was paused. On failure it still is.
  Result<bool> resume(const RepositoryName& name) EXCLUDES(file_mutex_, mutex_);

 private:
  using Since = std::map<RepositoryName, WallTime>;
  Pauses(std::string path, Since since) : path_(std::move(path)), since_(std::move(since)) {}
  Since all() const EXCLUDES(mutex_);
  Result<void> replace(Since since) REQUIRES(file_mutex_) EXCLUDES(mutex_);

  const std::string path_;
  Mutex file_mutex_;  ///< held while the file is written
  mutable Mutex mutex_;
  Since since_ GUARDED_BY(mutex_);
};

}  // namespace freshet::state
