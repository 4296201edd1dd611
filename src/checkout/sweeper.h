#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/mutex.h"
#include "checkout/publisher.h"

namespace freshet::checkout {

/// Removes replaced trees once their time is over and keeps a spare one ready for the next
/// publication; looks once a day, and when asked, whether somebody changed what is published. On a
/// thread of its own. Thread-safe.
class Sweeper {
 public:
  Sweeper() = default;
  ~Sweeper();  ///< stops
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  void start();
  void stop();

  /// Looks at the checkout soon, and again whenever one of its trees becomes due.
  /// The mirror is the one that it is published from.
  void watch(const CheckoutSpec& spec, const std::string& mirror_path) EXCLUDES(mutex_);
  /// The same, and looks whether somebody changed what is published there; however often it is
  /// called, the looks at one checkout take a tenth of the time.
  void look_through(const CheckoutSpec& spec, const std::string& mirror_path) EXCLUDES(mutex_);
  void forget(const std::string& path) EXCLUDES(mutex_);

  /// Files that were found changed by somebody else and written anew.
  std::uint64_t files_repaired() const { return files_repaired_.load(); }

 private:
  struct Watched {
    CheckoutSpec spec;
    std::string mirror_path;
    Instant due{};
    bool looks_through = false;
    Instant rests_until{};  ///< before which nobody looks through it
  };
  void put_first(const Watched& watched) EXCLUDES(mutex_);
  Instant mend_what_is_due(Watched& watched);
  void run() EXCLUDES(mutex_);

  const CancelToken stop_;
  std::atomic<std::uint64_t> files_repaired_{0};

  Mutex mutex_;
  Condition changed_;
  std::map<std::string, Watched> watched_ GUARDED_BY(mutex_);  ///< by path
  bool forgotten_ GUARDED_BY(mutex_) = false;  ///< the one that is looked at, meanwhile
  std::string looked_at_ GUARDED_BY(mutex_);   ///< its path
  std::thread thread_;
};

}  // namespace freshet::checkout
