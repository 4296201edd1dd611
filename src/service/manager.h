#pragma once

#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace freshet::service {

/// Talks to systemd by sd_notify(3); does nothing when nobody listens. Any thread.
class ServiceManager {
 public:
  void ready(const std::string& status) const;
  /// The configuration is read anew, until ready() is said.
  void reloading() const;
  void status(const std::string& status) const;
  void alive() const;  ///< feeds the watchdog

  static bool is_there();
  /// How often alive() must come, halved for safety; nullopt: no watchdog.
  static std::optional<Duration> watchdog_interval();
};

/// While it lives, the service is stopping: the service manager knows, and is asked every few
/// seconds for the time that it still takes, five minutes at most.
class Stopping {
 public:
  Stopping();
  ~Stopping();
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

 private:
  void run() EXCLUDES(mutex_);

  Mutex mutex_;
  Condition changed_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet::service
