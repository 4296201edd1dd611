#include "state/changes.h"

#include <utility>

namespace freshet::state {

void Changes::put(const RepositoryName& name) {
  std::uint64_t& number = of_repository_[name];
  if (number != 0) {
    changes_.erase(number);
  }
  number = ++last_;
  changes_.emplace_hint(changes_.end(), number, name);
}

void Changes::touched(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  put(name);
}

void Changes::removed(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  put(name);
  removed_.emplace_back(last_, name);
  if (removed_.size() <= kRemoved) {
    return;
  }
  const auto [number, oldest] = std::move(removed_.front());
  removed_.pop_front();
  const auto known = of_repository_.find(oldest);
  if (known != of_repository_.end() && known->second == number) {
    changes_.erase(number);
    of_repository_.erase(known);
    begins_after_ = number;
  }
}

void Changes::delivered(const DeliveryEntry& entry) {
  const MutexLock lock(mutex_);
  if (!entry.authentic && !refusals_.admits(now())) {
    return;  // before a copy is made of it: there can be very many
  }
  auto told = std::make_shared<DeliveryEntry>(entry);
  told->content = nullptr;
  changes_.emplace_hint(changes_.end(), ++last_, std::move(told));
  deliveries_.push_back(last_);
  if (deliveries_.size() > kDeliveries) {
    changes_.erase(deliveries_.front());
    deliveries_.pop_front();
  }
}

std::uint64_t Changes::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

std::vector<Changes::Change> Changes::since(std::uint64_t number, std::size_t most) const {
  const MutexLock lock(mutex_);
  std::vector<Change> changes;
  for (auto at = changes_.upper_bound(number); at != changes_.end() && changes.size() < most;
       ++at) {
    changes.push_back({at->first, at->second});
  }
  return changes;
}

bool Changes::reaches_back_to(std::uint64_t number) const {
  const MutexLock lock(mutex_);
  return number >= begins_after_ && number <= last_;
}

}  // namespace freshet::state
