#pragma once

#include <atomic>
#include <memory>

#include "base/unique_fd.h"

namespace freshet {

/// Tells a long operation to stop. Copies share the state. Any thread.
class CancelToken {
 public:
  CancelToken();  ///< one that nobody can cancel but by cancel() on a copy

  void cancel() const;
  bool cancelled() const { return state_->cancelled.load(std::memory_order_acquire); }
  /// Readable (poll(2)) once cancelled.
  int descriptor() const { return state_->event.get(); }

 private:
  struct State {
    std::atomic<bool> cancelled{false};
    UniqueFd event;
  };
  std::shared_ptr<State> state_;
};

}  // namespace freshet
