#include "base/cancel.h"

#include <sys/eventfd.h>

#include <cstdint>

namespace freshet {

CancelToken::CancelToken() : state_(std::make_shared<State>()) {
  state_->event.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void CancelToken::cancel() const {
  state_->cancelled.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(state_->event.get(), &one, sizeof one);
}

}  // namespace freshet
