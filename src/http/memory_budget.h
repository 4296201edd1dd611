#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/mutex.h"

namespace freshet::http {

/// How much memory all request bodies together may take; several servers can share one. So that a
/// few large bodies cannot shut out small ones: memory of bodies beyond kSmall is at most 3/4 of
/// the budget, unless it is one body's alone; and of that one client has at most half, unless it is
/// one body's alone again. Any thread.
class MemoryBudget {
 public:
  static constexpr std::size_t kSmall = std::size_t{64} * 1024;  ///< of one body

  explicit MemoryBudget(std::size_t bytes) : bytes_(bytes) {}
  /// What is taken stays taken, even if that is more now.
  void change(std::size_t bytes) EXCLUDES(mutex_);

  /// A body of a client (a network; empty: not known, and without a share of its own) that holds
  /// `held` bytes is to hold `bytes`. False: there is not as much left; it holds what it held.
  bool take(std::size_t bytes, std::size_t held = 0, const std::string& client = {})
      EXCLUDES(mutex_);
  /// `bytes`: all that the body holds.
  void give(std::size_t bytes, const std::string& client = {}) EXCLUDES(mutex_);
  std::size_t used() const EXCLUDES(mutex_);

 private:
  bool fits(std::size_t bytes, std::size_t held, const std::string& client) const REQUIRES(mutex_);
  void count(std::size_t bytes, std::size_t held, const std::string& client) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::size_t bytes_ GUARDED_BY(mutex_);
  std::size_t used_ GUARDED_BY(mutex_) = 0;
  std::size_t large_ GUARDED_BY(mutex_) = 0;  ///< of used_
  std::unordered_map<std::string, std::size_t> large_of_client_ GUARDED_BY(mutex_);
};

}  // namespace freshet::http
