#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/quantity.h"

namespace freshet::http {

/// A bucket of tokens for each client, as many as the rate's count, filled again within the rate's
/// time. Knows a bounded number of clients; the one that was away longest is forgotten first.
/// `client` is a network (client_network); the empty one is nobody in particular and never held
/// back. Any thread.
class RateLimiter {
 public:
  static constexpr std::size_t kMaxClients = 65'536;
  /// Requests of one client that are being handled at a time and are not counted against each
  /// other: every one of them may turn out to be authentic. What they take beyond the bucket is
  /// owed; when they are over, a bucketful of it at most.
  static constexpr std::size_t kInside = 256;

  explicit RateLimiter(std::size_t max_clients = kMaxClients) : max_clients_(max_clients) {}

  /// Takes a token. nullopt: the request may come in, and leave() must follow when it is over;
  /// else how long until there is a token.
  std::optional<std::chrono::nanoseconds> enter(const std::string& client, const Rate& rate,
                                                Instant now) EXCLUDES(mutex_);
  void leave(const std::string& client) EXCLUDES(mutex_);
  /// The request was authentic: its token goes back.
  void give_back(const std::string& client) EXCLUDES(mutex_);

  std::size_t clients() const EXCLUDES(mutex_);

 private:
  struct Bucket {
    std::string client;
    Instant full_at;  ///< when all tokens are there again
    Instant entered;  ///< when it was last let in
    std::chrono::nanoseconds per_token{};
    std::size_t inside = 0;

    /// The rate has changed: as many tokens are missing as before, at most all of them.
    void convert(const Rate& rate, std::chrono::nanoseconds new_per_token, Instant now);
  };
  using Buckets = std::list<Bucket>;  ///< who came last stands first

  Bucket& touch(const std::string& client, Instant now) REQUIRES(mutex_);
  Bucket* find(const std::string& client) REQUIRES(mutex_);

  const std::size_t max_clients_;
  mutable Mutex mutex_;
  Buckets buckets_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, Buckets::iterator> by_client_ GUARDED_BY(mutex_);
};

/// One request inside: leave() when it goes. Movable.
class Visit {
 public:
  Visit() = default;
  Visit(RateLimiter& limiter, std::string client)
      : limiter_(&limiter), client_(std::move(client)) {}
  Visit(Visit&& other) noexcept;
  Visit& operator=(Visit&& other) noexcept;
  ~Visit() { end(); }

  void end();

 private:
  RateLimiter* limiter_ = nullptr;
  std::string client_;
};

}  // namespace freshet::http
