#pragma once

#include <string>
#include <thread>

#include "base/mutex.h"

namespace freshet::cli {

/// "waiting for docs, 12 s" on standard error while it lives, when that is a terminal and the wait
/// takes longer than a moment. It leaves nothing behind.
class WaitingLine {
 public:
  explicit WaitingLine(const std::string& text);  ///< empty: never shown
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;
  ~WaitingLine();

  void clear();  ///< before something else is printed; it does not come back

 private:
  void run() EXCLUDES(mutex_);

  const std::string text_;
  Mutex mutex_;
  Condition condition_;
  bool done_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet::cli
