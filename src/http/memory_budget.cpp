#include "http/memory_budget.h"

namespace freshet::http {

void MemoryBudget::change(std::size_t bytes) {
  const MutexLock lock(mutex_);
  bytes_ = bytes;
}

bool MemoryBudget::take(std::size_t bytes, std::size_t beside, const std::string& client) {
  const MutexLock lock(mutex_);
  if (used_ > bytes_ || bytes > bytes_ - used_) {
    return false;
  }
  if (bytes > kSmall) {
    if (!large_fits(bytes, beside > kSmall ? beside : 0, client)) {
      return false;
    }
    large_ += bytes;
    if (!client.empty()) {
      large_of_client_[client] += bytes;
    }
  }
  used_ += bytes;
  return true;
}

bool MemoryBudget::large_fits(std::size_t bytes, std::size_t beside,
                              const std::string& client) const {
  const std::size_t large_part = bytes_ / 4 * 3;
  if (large_ > beside && large_ + bytes > large_part) {
    return false;
  }
  const auto own = large_of_client_.find(client);
  return own == large_of_client_.end() || own->second <= beside ||
         own->second + bytes <= large_part / 2;
}

void MemoryBudget::give(std::size_t bytes, const std::string& client) {
  const MutexLock lock(mutex_);
  used_ -= bytes;
  if (bytes <= kSmall) {
    return;
  }
  large_ -= bytes;
  const auto own = large_of_client_.find(client);
  if (own != large_of_client_.end() && (own->second -= bytes) == 0) {
    large_of_client_.erase(own);
  }
}

std::size_t MemoryBudget::used() const {
  const MutexLock lock(mutex_);
  return used_;
}

}  // namespace freshet::http
