#pragma once

#include <atomic>
#include <thread>

#include "base/cancel.h"

namespace freshet::service {

/// Cancels at SIGINT or SIGTERM, which prepare_signals has blocked, until it goes. For commands
/// that do one thing and end.
class SignalWatch {
 public:
  explicit SignalWatch(CancelToken cancel);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

 private:
  void run();

  const CancelToken cancel_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace freshet::service
