#include "remote/remote_memory.h"

namespace freshet::remote {

constexpr std::chrono::hours kAskAgain{24};

std::optional<RemoteMemory::Server> RemoteMemory::server() const {
  const MutexLock lock(mutex_);
  return server_;
}

bool RemoteMemory::speaks_old_only(Instant time) const {
  const MutexLock lock(mutex_);
  return old_since_ && time < *old_since_ + kAskAgain;
}

void RemoteMemory::learn(Server server) {
  const MutexLock lock(mutex_);
  server_ = std::move(server);
  old_since_.reset();
}

void RemoteMemory::learn_old(Instant time) {
  const MutexLock lock(mutex_);
  server_.reset();
  old_since_ = time;
}

void RemoteMemory::forget() {
  const MutexLock lock(mutex_);
  server_.reset();
  old_since_.reset();
}

}  // namespace freshet::remote
