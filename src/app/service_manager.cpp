#include "app/service_manager.h"

#include <systemd/sd-daemon.h>

namespace freshet::app {

void ServiceManager::ready(const std::string& status) const {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void ServiceManager::status(const std::string& status) const {
  sd_notify(0, ("STATUS=" + status).c_str());
}

void ServiceManager::stopping() const {
  sd_notify(0, "STOPPING=1");
}

void ServiceManager::alive() const {
  sd_notify(0, "WATCHDOG=1");
}

std::optional<Duration> ServiceManager::watchdog_interval() {
  std::uint64_t micros = 0;
  if (sd_watchdog_enabled(0, &micros) <= 0) {
    return std::nullopt;
  }
  return Duration(static_cast<Duration::rep>(micros / 2000));
}

}  // namespace freshet::app
