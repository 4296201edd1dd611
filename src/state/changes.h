#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"
#include "state/ledger_entry.h"

namespace freshet::state {

/// What changed, in one sequence that any number of readers follow with a number each. Of every
/// repository only the last change counts, of deliveries the last ones are kept, so that a reader
/// that is slow, or was away, costs nothing and misses no repository. Thread-safe; quick.
class Changes {
 public:
  /// A repository whose state is another one, or that is gone; or a delivery.
  using What = std::variant<RepositoryName, std::shared_ptr<const DeliveryEntry>>;
  struct Change {
    std::uint64_t number = 0;
    What what;
  };

  void touched(const RepositoryName& name) EXCLUDES(mutex_);
  void removed(const RepositoryName& name) EXCLUDES(mutex_);
  /// Without its content. Of refused ones, which anybody can send, only a few a minute.
  void delivered(const DeliveryEntry& entry) EXCLUDES(mutex_);

  /// The number of the last change.
  std::uint64_t last() const EXCLUDES(mutex_);
  /// The first `most` changes after that number, oldest first.
  std::vector<Change> since(std::uint64_t number, std::size_t most) const EXCLUDES(mutex_);
  /// Whether since() tells all that a reader that has seen `number` does not know: false for one
  /// that was never given, and when too many repositories were removed since.
  bool reaches_back_to(std::uint64_t number) const EXCLUDES(mutex_);

  static constexpr std::size_t kDeliveries = 256;  ///< kept
  static constexpr std::size_t kRemoved = 1024;    ///< kept

 private:
  void put(const RepositoryName& name) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
  std::uint64_t begins_after_ GUARDED_BY(mutex_) = 0;  ///< changes up to it may be missing
  std::map<std::uint64_t, RepositoryName> changes_ GUARDED_BY(mutex_);  ///< by number
  std::unordered_map<RepositoryName, std::uint64_t> of_repository_ GUARDED_BY(mutex_);
  std::deque<Change> deliveries_ GUARDED_BY(mutex_);  ///< by number too
  /// The changes that say so; a repository that came back since has a newer one.
  std::deque<std::pair<std::uint64_t, RepositoryName>> removed_ GUARDED_BY(mutex_);
  RefusalGate refusals_ GUARDED_BY(mutex_);
};

}  // namespace freshet::state
