#include "service/loop.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "service/manager.h"

namespace freshet::service {
namespace {

constexpr Duration kStatusEvery = std::chrono::seconds(1);
constexpr Duration kBeatWithoutWatchdog = std::chrono::minutes(1);
constexpr Duration kShortestBeat{100};

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, number);
  }
  return signals;
}

/// The state of run_until_end().
class ServiceLoop {
 public:
  explicit ServiceLoop(const Attended& attended)
      : attended_(attended),
        beat_(std::max(ServiceManager::watchdog_interval().value_or(kBeatWithoutWatchdog),
                       kShortestBeat)) {
    const sigset_t signals = awaited_signals();
    signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    begin_or_end_watch(attended_.read);
  }

  void run() {
    for (;;) {
      wait();
      if (const int number = next_signal(); number == SIGHUP && attended_.reload) {
        reload();
      } else if (number != 0) {
        return;
      }
      if (watch_ && watch_->changed(now())) {
        log::info("configuration changed on disk");
        reload();
      }
      tell();
    }
  }

 private:
  void wait() {
    Instant until = next_beat_;
    if (attended_.status && ServiceManager::is_there()) {
      until = std::min(until, next_status_);
    }
    if (watch_) {
      until = std::min(until, watch_->next_look());
    }
    std::array<pollfd, 2> events{pollfd{signals_.get(), POLLIN, 0},
                                 pollfd{watch_ ? watch_->descriptor() : -1, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    ::poll(events.data(), events.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
  }

  int next_signal() const {
    signalfd_siginfo info{};
    const ssize_t size = ::read(signals_.get(), &info, sizeof info);
    return size == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

  void reload() {
    manager_.reloading();
    // Before it is read: what comes later is a change.
    const FileIdentity read = FileIdentity::of(attended_.file);
    attended_.reload();
    begin_or_end_watch(read);
    manager_.ready(attended_.status ? attended_.status() : "");
  }

  void begin_or_end_watch(FileIdentity read) {
    if (!attended_.watches_file || !attended_.watches_file()) {
      watch_.reset();
    } else if (watch_) {
      watch_->note(read);
    } else {
      watch_.emplace(attended_.file, read);
    }
  }

  void tell() {
    const Instant time = now();
    if (time >= next_beat_) {
      next_beat_ = time + beat_;
      if (attended_.makes_progress()) {
        manager_.alive();
      } else {
        log::error("no progress; the service manager is not told that this is alive");
      }
    }
    if (attended_.status && time >= next_status_ && ServiceManager::is_there()) {
      next_status_ = time + kStatusEvery;
      if (std::string status = attended_.status(); status != told_) {
        manager_.status(status);
        told_ = std::move(status);
      }
    }
  }

  const Attended& attended_;
  ServiceManager manager_;
  const Duration beat_;
  UniqueFd signals_;
  std::optional<ConfigWatch> watch_;
  std::string told_;
  Instant next_beat_ = now();
  Instant next_status_ = now();
};

}  // namespace

void prepare_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void run_until_end(const Attended& attended) {
  ServiceLoop(attended).run();
}

}  // namespace freshet::service
