#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace freshet::remote {

/// A value that another thread brings once.
template <class T>
class Arrival {
 public:
  void put(T value) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    value_ = std::move(value);
    arrived_.notify_all();
  }
  /// Blocks until it is there.
  T take() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (!value_) {
      arrived_.wait(mutex_);
    }
    return std::move(*value_);
  }

 private:
  Mutex mutex_;
  Condition arrived_;
  std::optional<T> value_ GUARDED_BY(mutex_);
};

/// What `ask` hands to the callback that it is given, when that was called.
template <class T, class Ask>
T wait_for(Ask ask) {
  const auto arrival = std::make_shared<Arrival<T>>();
  ask([arrival](T value) { arrival->put(std::move(value)); });
  return arrival->take();
}

}  // namespace freshet::remote
