#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "model/event.h"
#include "state/changes.h"
#include "state/repository_state.h"

namespace freshet::state {

/// Keeps the state of every repository and hands out snapshots. Thread-safe; readers never wait for
/// more than a pointer's copy.
class Store : public EventSink {
 public:
  using Snapshot = std::vector<std::shared_ptr<const RepositoryState>>;

  void report(const Event& event) override EXCLUDES(mutex_);

  Snapshot all() const EXCLUDES(mutex_);  ///< by name
  std::shared_ptr<const RepositoryState> find(const RepositoryName& name) const EXCLUDES(mutex_);

  /// Waits until a refresh that covers `ticket` has ended, or the deadline. The state as it is
  /// then; nullptr when the repository is gone, or stop_waiting() was called.
  std::shared_ptr<const RepositoryState> wait_covered(const RepositoryName& name, Ticket ticket,
                                                      Instant deadline) const EXCLUDES(mutex_);
  /// In which order states changed.
  Changes& changes() { return changes_; }
  const Changes& changes() const { return changes_; }

  /// Ends all waits, now and later.
  void stop_waiting() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<RepositoryName, std::shared_ptr<const RepositoryState>> states_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  mutable Condition changed_;
  Changes changes_;
};

/// How many there are of each condition; every condition stands in it. Pure.
std::map<RepositoryCondition, std::size_t> count_by_condition(const Store::Snapshot& repositories);

}  // namespace freshet::state
