#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "config/settings.h"

namespace freshet::service {

/// The file that the configuration comes from, and what became of reading it anew. Thread-safe.
class ConfigurationFile {
 public:
  explicit ConfigurationFile(std::string path);

  /// Whether settings that the file says without a mistake can be used; why not.
  using Check = std::function<Result<void>(const config::Settings& settings)>;
  /// Takes settings over; returns a sentence for each part that cannot change now.
  using Take = std::function<std::vector<std::string>(config::Settings settings)>;
  /// Reads it anew. A broken file is not taken, nor what `check` refuses. What is wrong with it is
  /// logged and remembered. True: taken. One thread.
  bool reload(const Check& check, const Take& take) EXCLUDES(mutex_);

  struct Reload {
    WallTime at{};
    bool successful = false;
    std::vector<std::string> problems;  ///< one line each
  };
  struct Status {
    std::string path;
    WallTime loaded{};  ///< what is in force
    std::optional<Reload> last_reload;
  };
  Status status() const EXCLUDES(mutex_);

 private:
  void keep(Reload reload) EXCLUDES(mutex_);

  mutable Mutex mutex_;
  Status status_ GUARDED_BY(mutex_);
};

}  // namespace freshet::service
