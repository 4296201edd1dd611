#include "base/cancel.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace freshet {

struct CancelToken::State {
  std::atomic<bool> cancelled{false};
  Mutex mutex;
  UniqueFd event GUARDED_BY(mutex);
  std::vector<Watch::Entry*> watches GUARDED_BY(mutex);

  void make_readable() REQUIRES(mutex) {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then it is readable already.
    [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof one);
  }
};

struct CancelToken::Watch::Entry {
  std::shared_ptr<State> state;
  std::function<void()> call;
  ~Entry() {
    const MutexLock lock(state->mutex);
    std::erase(state->watches, this);
  }
};

CancelToken::Watch::Watch(const CancelToken& token, std::function<void()> call)
    : entry_(new Entry{token.state_, std::move(call)}) {
  State& state = *token.state_;
  const MutexLock lock(state.mutex);
  if (state.cancelled.load(std::memory_order_acquire)) {
    entry_->call();
  } else {
    state.watches.push_back(entry_.get());
  }
}

CancelToken::Watch::Watch() = default;
CancelToken::Watch::~Watch() = default;
CancelToken::Watch::Watch(Watch&& other) noexcept = default;
CancelToken::Watch& CancelToken::Watch::operator=(Watch&& other) noexcept = default;

CancelToken::CancelToken() : state_(std::make_shared<State>()) {}

void CancelToken::cancel() const {
  const MutexLock lock(state_->mutex);
  if (state_->cancelled.exchange(true, std::memory_order_acq_rel)) {
    return;
  }
  if (state_->event) {
    state_->make_readable();
  }
  for (const Watch::Entry* watch : state_->watches) {
    watch->call();
  }
  state_->watches.clear();
}

bool CancelToken::cancelled() const {
  return state_->cancelled.load(std::memory_order_acquire);
}

int CancelToken::descriptor() const {
  const MutexLock lock(state_->mutex);
  if (!state_->event) {
    state_->event.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (state_->event && cancelled()) {
      state_->make_readable();
    }
  }
  return state_->event.get();
}

}  // namespace freshet
