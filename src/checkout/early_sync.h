#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <future>

namespace freshet::checkout {

/// Has the file system write what there is so far while more is being made, so that little is left
/// to wait for at the end.
class EarlySync {
 public:
  /// `fd` is borrowed: anything in the file system.
  explicit EarlySync(int fd) : fd_(fd) {}

  void note_file() {
    const bool is_busy =
        running_.valid() && running_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
    if (++files_ % kSome == 0 && !is_busy) {
      // Only the sync at the end has to succeed.
      running_ = std::async(std::launch::async, [fd = fd_] { static_cast<void>(::syncfs(fd)); });
    }
  }
  /// All of it is on the disk then. False: errno says why not.
  bool finish() {
    if (running_.valid()) {
      running_.wait();
    }
    return ::syncfs(fd_) == 0;
  }

 private:
  static constexpr std::size_t kSome = 4096;
  int fd_;
  std::size_t files_ = 0;
  std::future<void> running_;
};

}  // namespace freshet::checkout
