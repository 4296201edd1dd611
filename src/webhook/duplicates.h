#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/hmac.h"
#include "model/ids.h"

namespace freshet::webhook {

/// Tells one delivery from all others: by forge, route, id and a digest of every byte of the body.
/// GitHub gives the same id to the deliveries of all hooks that see an event, hence the route.
Sha256 delivery_key(std::string_view forge, std::string_view route, std::string_view id,
                    const Sha256& body_digest);

/// Remembers accepted deliveries for kWindow, so that the same one is not run again while its
/// refreshes wait, run or have succeeded. Load control, not security: no signature covers the id.
/// Plain data, the time is an argument; used by one thread at a time.
class Duplicates {
 public:
  static constexpr Duration kWindow = std::chrono::minutes(10);
  static constexpr std::size_t kMostEntries = 100'000;       ///< some 20 MB; the oldest go first
  static constexpr std::size_t kMostRepositories = 100'000;  ///< names, also of removed ones

  explicit Duplicates(std::size_t most_entries = kMostEntries,
                      std::size_t most_repositories = kMostRepositories)
      : most_entries_(most_entries), most_repositories_(most_repositories) {}

  /// A point in the order of events, to be taken before the delivery's triggers are handed on: a
  /// refresh that fails between then and `remember` counts.
  std::uint64_t mark() const { return failures_; }
  void remember(const Sha256& key, const std::vector<RepositoryName>& repositories,
                std::uint64_t mark, Instant now);
  bool contains(const Sha256& key, Instant now) const;

  /// A refresh of the repository failed: deliveries that led to it are new when they come again.
  void forget(const RepositoryName& repository);

  std::size_t size() const { return order_.size(); }
  std::size_t repositories_known() const { return numbers_.size(); }

 private:
  struct HashKey {
    std::size_t operator()(const Sha256& key) const {
      std::size_t value = 0;
      std::memcpy(&value, key.data(), sizeof value);
      return value;
    }
  };
  struct Entry {
    Instant until;
    std::uint64_t mark = 0;
    std::vector<std::uint32_t> repositories;  ///< positions in failed_at_
  };
  struct Place {
    Sha256 key;
    Instant until;
  };
  void drop_oldest();
  void bound_repositories(std::size_t more);
  std::uint32_t number_of(const RepositoryName& repository);

  std::size_t most_entries_;
  std::size_t most_repositories_;
  std::unordered_map<Sha256, Entry, HashKey> entries_;
  std::deque<Place> order_;  ///< by time; holds a key once more when it is remembered again
  std::unordered_map<RepositoryName, std::uint32_t> numbers_;
  std::vector<std::uint64_t> failed_at_;  ///< by number: the last failure's place
  std::uint64_t failures_ = 0;
  std::uint64_t forgotten_ = 0;  ///< the place in the order at which all was forgotten last
};

}  // namespace freshet::webhook
