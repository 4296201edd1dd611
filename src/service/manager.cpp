#include "service/manager.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

namespace freshet::service {
namespace {

constexpr Duration kAskEvery = std::chrono::seconds(2);
constexpr Duration kAskFor = std::chrono::seconds(12);
constexpr Duration kLongestStop = std::chrono::minutes(5);

std::string micros(Duration duration) {
  return std::to_string(std::chrono::microseconds(duration).count());
}

}  // namespace

void ServiceManager::ready(const std::string& status) const {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void ServiceManager::reloading() const {
  const auto since_boot = std::chrono::duration_cast<Duration>(now().time_since_epoch());
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + micros(since_boot)).c_str());
}

void ServiceManager::status(const std::string& status) const {
  sd_notify(0, ("STATUS=" + status).c_str());
}

void ServiceManager::alive() const {
  sd_notify(0, "WATCHDOG=1");
}

bool ServiceManager::is_there() {
  return ::secure_getenv("NOTIFY_SOCKET") != nullptr;
}

std::optional<Duration> ServiceManager::watchdog_interval() {
  std::uint64_t micros = 0;
  if (sd_watchdog_enabled(0, &micros) <= 0) {
    return std::nullopt;
  }
  return Duration(static_cast<Duration::rep>(micros / 2000));
}

Stopping::Stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping");
  if (ServiceManager::is_there()) {
    thread_ = std::thread([this] { run(); });
  }
}

Stopping::~Stopping() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Stopping::run() {
  const Instant end = now() + kLongestStop;
  for (Instant time = now(); time < end; time = now()) {
    const Instant next = time + kAskEvery;
    {
      const MutexLock lock(mutex_);
      while (!stopped_ && now() < next) {
        changed_.wait_until(mutex_, next);
      }
      if (stopped_) {
        return;
      }
    }
    sd_notify(0, ("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=" + micros(kAskFor)).c_str());
  }
}

}  // namespace freshet::service
