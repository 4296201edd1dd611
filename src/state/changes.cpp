#include "state/changes.h"

#include <algorithm>
#include <utility>

namespace freshet::state {

void Changes::put(const RepositoryName& name) {
  std::uint64_t& number = of_repository_[name];
  auto change = changes_.extract(number);  // 0, of a new one, is never there
  number = ++last_;
  if (change) {
    change.key() = number;
    changes_.insert(changes_.end(), std::move(change));
  } else {
    changes_.emplace_hint(changes_.end(), number, name);
  }
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
  deliveries_.push_back({++last_, std::move(told)});
  if (deliveries_.size() > kDeliveries) {
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
  auto of_repository = changes_.upper_bound(number);
  auto delivery = std::upper_bound(
      deliveries_.begin(), deliveries_.end(), number,
      [](std::uint64_t after, const Change& change) { return after < change.number; });
  while (changes.size() < most) {
    const bool more = of_repository != changes_.end();
    if (delivery != deliveries_.end() && (!more || delivery->number < of_repository->first)) {
      changes.push_back(*delivery++);
    } else if (more) {
      changes.push_back({of_repository->first, of_repository->second});
      ++of_repository;
    } else {
      break;
    }
  }
  return changes;
}

bool Changes::reaches_back_to(std::uint64_t number) const {
  const MutexLock lock(mutex_);
  return number >= begins_after_ && number <= last_;
}

}  // namespace freshet::state
