#include "checkout/sweeper.h"

#include <algorithm>

#include "base/log.h"

namespace freshet::checkout {
namespace {

/// After a publication was in the way, or something else failed.
constexpr Duration kAgain{5'000};

/// When to look again; nullopt: nothing is left to do.
std::optional<Instant> sweep_now(const CheckoutSpec& spec, const std::string& mirror_path) {
  const auto next = sweep(spec, mirror_path);
  if (!next) {
    if (next.error().error_class != ErrorClass::conflict) {
      log::warning("old trees not removed", {{"path", spec.path}, {"error", next.error().message}});
      return now() + 12 * kAgain;
    }
    return now() + kAgain;
  }
  if (!*next) {
    return std::nullopt;
  }
  return now() + std::max<Instant::duration>(**next - wall_now(), std::chrono::milliseconds(50));
}

/// Without one, a publication takes longer; nothing else depends on it.
void prepare_now(const CheckoutSpec& spec, const std::string& mirror_path,
                 const CancelToken& stop) {
  const auto prepared = prepare_spare(spec, mirror_path, stop);
  if (!prepared && prepared.error().error_class != ErrorClass::conflict) {
    log::info("no spare tree prepared", {{"path", spec.path}, {"error", prepared.error().message}});
  }
}

}  // namespace

Sweeper::~Sweeper() {
  stop();
}

void Sweeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Sweeper::stop() {
  {
    const MutexLock lock(mutex_);  // nobody is between its look and its wait
    stop_.cancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Sweeper::watch(const CheckoutSpec& spec, const std::string& mirror_path) {
  {
    const MutexLock lock(mutex_);
    watched_.insert_or_assign(spec.path, Watched{spec, mirror_path, now()});
  }
  changed_.notify_one();
}

void Sweeper::forget(const std::string& path) {
  const MutexLock lock(mutex_);
  watched_.erase(path);
}

void Sweeper::run() {
  for (;;) {
    Watched watched;
    {
      const MutexLock lock(mutex_);
      for (;;) {
        if (stop_.cancelled()) {
          return;
        }
        const auto first = std::min_element(
            watched_.begin(), watched_.end(),
            [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
        if (first == watched_.end()) {
          changed_.wait(mutex_);
        } else if (first->second.due > now()) {
          changed_.wait_until(mutex_, first->second.due);
        } else {
          watched = first->second;
          watched_.erase(first);
          break;
        }
      }
    }
    const auto next = sweep_now(watched.spec, watched.mirror_path);
    prepare_now(watched.spec, watched.mirror_path, stop_);
    if (next) {
      watched.due = *next;
      const MutexLock lock(mutex_);
      // A publication in the meantime asked for an earlier look.
      watched_.try_emplace(watched.spec.path, watched);
    }
  }
}

}  // namespace freshet::checkout
