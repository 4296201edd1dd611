#include "cli/waiting_line.h"

#include <unistd.h>

#include <iostream>

#include "base/clock.h"
#include "base/visible.h"
#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {

WaitingLine::WaitingLine(const std::string& text) : text_(visible(text)) {
  if (!text_.empty() && is_terminal(STDERR_FILENO)) {
    thread_ = std::thread([this] { run(); });
  }
}

WaitingLine::~WaitingLine() {
  clear();
}

void WaitingLine::clear() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const MutexLock lock(mutex_);
    done_ = true;
    condition_.notify_all();
  }
  thread_.join();
  std::cerr << kEraseLine << std::flush;
}

void WaitingLine::run() {
  const Instant begin = now();
  const MutexLock lock(mutex_);
  for (int seconds = 1; !done_; ++seconds) {
    while (!done_ && condition_.wait_until(mutex_, begin + std::chrono::seconds(seconds))) {
    }
    if (!done_) {
      std::cerr << kEraseLine << text_ << ", " << seconds << " s" << std::flush;
    }
  }
}

}  // namespace freshet::cli
