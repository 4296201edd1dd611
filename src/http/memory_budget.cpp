#include "http/memory_budget.h"

namespace freshet::http {
namespace {

/// What counts as memory of a large body.
std::size_t large(std::size_t bytes) {
  return bytes > MemoryBudget::kSmall ? bytes : 0;
}

}  // namespace

void MemoryBudget::change(std::size_t bytes) {
  const MutexLock lock(mutex_);
  bytes_ = bytes;
}

bool MemoryBudget::take(std::size_t bytes, std::size_t held, const std::string& client) {
  const MutexLock lock(mutex_);
  if (bytes > held && !fits(bytes, held, client)) {
    return false;
  }
  count(bytes, held, client);
  return true;
}

bool MemoryBudget::fits(std::size_t bytes, std::size_t held, const std::string& client) const {
  const std::size_t others = used_ - held;
  if (others > bytes_ || bytes > bytes_ - others) {
    return false;
  }
  if (bytes <= kSmall) {
    return true;
  }
  const std::size_t large_part = bytes_ / 4 * 3;
  const std::size_t other_large = large_ - large(held);
  if (other_large > 0 && other_large + bytes > large_part) {
    return false;
  }
  const auto own = large_of_client_.find(client);
  const std::size_t own_other = own == large_of_client_.end() ? 0 : own->second - large(held);
  return own_other == 0 || own_other + bytes <= large_part / 2;
}

void MemoryBudget::count(std::size_t bytes, std::size_t held, const std::string& client) {
  used_ = used_ - held + bytes;
  large_ = large_ - large(held) + large(bytes);
  if (client.empty() || large(held) == large(bytes)) {
    return;
  }
  std::size_t& own = large_of_client_[client];
  own = own - large(held) + large(bytes);
  if (own == 0) {
    large_of_client_.erase(client);
  }
}

void MemoryBudget::give(std::size_t bytes, const std::string& client) {
  const MutexLock lock(mutex_);
  count(0, bytes, client);
}

std::size_t MemoryBudget::used() const {
  const MutexLock lock(mutex_);
  return used_;
}

}  // namespace freshet::http
