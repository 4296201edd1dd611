#pragma once

#include <string>

#include "base/clock.h"
#include "base/mutex.h"

#include <thread>

namespace freshet::cli {

/// "waiting for docs, 12 s" on standard error while it lives, when that is a terminal and the wait
/// takes longer than a moment. It leaves nothing behind.
class WaitingLine {
 public:
  explicit WaitingLine(std::string text);  ///< empty: never shown
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;
  ~WaitingLine();

  void clear() const;  ///< before something else is printed; it does not come back

 private:
  void run() const EXCLUDES(mutex_);

  const std::string text_;
  mutable Mutex mutex_;
  mutable Condition condition_;
  mutable bool done_ GUARDED_BY(mutex_) = false;
  mutable std::thread thread_;
};

}  // namespace freshet::cli
