#pragma once

#include <map>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "checkout/publisher.h"

namespace freshet::checkout {

/// Removes replaced trees once their time is over, on a thread of its own. Thread-safe.
class Sweeper {
 public:
  Sweeper() = default;
  ~Sweeper();  ///< stops
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  void start();
  void stop();

  /// Looks at the checkout soon, and again whenever one of its trees becomes due.
  void watch(const CheckoutSpec& spec) EXCLUDES(mutex_);
  void forget(const std::string& path) EXCLUDES(mutex_);

 private:
  struct Watched {
    CheckoutSpec spec;
    Instant due;
  };
  void run() EXCLUDES(mutex_);

  Mutex mutex_;
  Condition changed_;
  std::map<std::string, Watched> watched_ GUARDED_BY(mutex_);  ///< by path; done ones leave
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet::checkout
