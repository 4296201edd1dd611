#include "checkout/sweeper.h"

#include <algorithm>

#include "base/log.h"

namespace freshet::checkout {
namespace {

/// After a publication was in the way, or something else failed.
constexpr Duration kAgain{5'000};

/// When to look again; nullopt: nothing is left to do.
std::optional<Instant> sweep_now(const CheckoutSpec& spec) {
  const auto next = sweep(spec);
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

}  // namespace

Sweeper::~Sweeper() {
  stop();
}

void Sweeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Sweeper::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Sweeper::watch(const CheckoutSpec& spec) {
  {
    const MutexLock lock(mutex_);
    watched_.insert_or_assign(spec.path, Watched{spec, now()});
  }
  changed_.notify_one();
}

void Sweeper::forget(const std::string& path) {
  const MutexLock lock(mutex_);
  watched_.erase(path);
}

void Sweeper::run() {
  for (;;) {
    CheckoutSpec spec;
    {
      const MutexLock lock(mutex_);
      for (;;) {
        if (stopping_) {
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
          spec = first->second.spec;
          watched_.erase(first);
          break;
        }
      }
    }
    if (const auto next = sweep_now(spec)) {
      const MutexLock lock(mutex_);
      // A publication in the meantime asked for an earlier look.
      watched_.try_emplace(spec.path, Watched{spec, *next});
    }
  }
}

}  // namespace freshet::checkout
