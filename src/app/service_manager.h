#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace freshet::app {

/// Talks to systemd by sd_notify(3); does nothing when nobody listens. Any thread.
class ServiceManager {
 public:
  void ready(const std::string& status) const;
  void status(const std::string& status) const;
  void stopping() const;
  void alive() const;  ///< feeds the watchdog

  /// How often alive() must come, halved for safety; nullopt: no watchdog.
  static std::optional<Duration> watchdog_interval();
};

}  // namespace freshet::app
