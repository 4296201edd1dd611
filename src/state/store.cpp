#include "state/store.h"

namespace freshet::state {

void Store::report(const Event& event) {
  const RepositoryName& name = repository_of(event);
  bool removed = false;
  bool changed = true;
  {
    const MutexLock lock(mutex_);
    const auto position = states_.find(name);
    if (std::holds_alternative<RepositoryRemoved>(event)) {
      removed = states_.erase(name) > 0;
      changed = false;
    } else if (position != states_.end()) {
      position->second = std::make_shared<const RepositoryState>(reduce(*position->second, event));
    } else if (std::holds_alternative<RepositoryAdded>(event)) {
      states_[name] = std::make_shared<const RepositoryState>(reduce({}, event));
    } else {
      changed = false;
    }
  }
  if (removed) {
    changes_.removed(name);
  } else if (changed) {
    changes_.touched(name);
  }
  changed_.notify_all();
}

Store::Snapshot Store::all() const {
  const MutexLock lock(mutex_);
  Snapshot snapshot;
  snapshot.reserve(states_.size());
  for (const auto& [name, state] : states_) {
    snapshot.push_back(state);
  }
  return snapshot;
}

std::shared_ptr<const RepositoryState> Store::find(const RepositoryName& name) const {
  const MutexLock lock(mutex_);
  const auto position = states_.find(name);
  return position != states_.end() ? position->second : nullptr;
}

std::shared_ptr<const RepositoryState> Store::wait_covered(const RepositoryName& name,
                                                           Ticket ticket, Instant deadline) const {
  const MutexLock lock(mutex_);
  for (;;) {
    const auto position = states_.find(name);
    if (position == states_.end() || stopped_) {
      return nullptr;
    }
    if (position->second->covered >= ticket || now() >= deadline) {
      return position->second;
    }
    changed_.wait_until(mutex_, deadline);
  }
}

void Store::stop_waiting() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

std::map<RepositoryCondition, std::size_t> count_by_condition(const Store::Snapshot& repositories) {
  std::map<RepositoryCondition, std::size_t> counts;
  for (const RepositoryCondition condition : kRepositoryConditions) {
    counts[condition] = 0;
  }
  for (const auto& repository : repositories) {
    ++counts[repository->condition()];
  }
  return counts;
}

}  // namespace freshet::state
