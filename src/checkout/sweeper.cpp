#include "checkout/sweeper.h"

#include <algorithm>

#include "base/log.h"
#include "checkout/drift.h"
#include "checkout/slot_directory.h"

namespace freshet::checkout {
namespace {

/// After a publication was in the way, or something else failed.
constexpr Duration kAgain{5'000};

/// Between two looks at a checkout.
constexpr Duration kLongest{std::chrono::hours(24)};

/// So many times as long as a look through a checkout took, nobody looks through it again.
constexpr int kRest = 9;

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
  put_first({spec, mirror_path, now(), false});
}

void Sweeper::look_through(const CheckoutSpec& spec, const std::string& mirror_path) {
  put_first({spec, mirror_path, now(), true});
}

void Sweeper::put_first(const Watched& watched) {
  {
    const MutexLock lock(mutex_);
    Watched& known = watched_[watched.spec.path];
    const bool looks_through = known.looks_through || watched.looks_through;
    const Instant rests_until = known.rests_until;
    known = watched;
    known.looks_through = looks_through;
    known.rests_until = rests_until;
  }
  changed_.notify_one();
}

/// What somebody changed is written anew; returns when to look again.
Instant Sweeper::mend_what_is_due(Watched& watched) {
  const CheckoutSpec& spec = watched.spec;
  if (!read_current(spec.path)) {
    return now() + kLongest;
  }
  const Instant begun = now();
  if (watched.looks_through && begun < watched.rests_until) {
    return watched.rests_until;
  }
  if (watched.looks_through || drift_check_due(spec, wall_now()) <= wall_now()) {
    const auto mended = mend_drift(spec, watched.mirror_path, stop_);
    if (mended && !*mended) {
      return now() + kAgain;  // another commit was published meanwhile
    }
    watched.looks_through = false;
    if (mended) {
      files_repaired_ += **mended;
    } else {
      log::warning("the published tree is not as its commit",
                   {{"path", spec.path}, {"error", mended.error().message}});
    }
    watched.rests_until = now() + kRest * (now() - begun);
  }
  // Where nothing can be written, the look stays due.
  return now() +
         std::max<Instant::duration>(drift_check_due(spec, wall_now()) - wall_now(), 12 * kAgain);
}

void Sweeper::forget(const std::string& path) {
  const MutexLock lock(mutex_);
  watched_.erase(path);
  forgotten_ = forgotten_ || path == looked_at_;
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
          looked_at_ = first->first;
          forgotten_ = false;
          watched_.erase(first);
          break;
        }
      }
    }
    const auto next_sweep = sweep_now(watched.spec, watched.mirror_path);
    prepare_now(watched.spec, watched.mirror_path, stop_);
    const Instant next_check = mend_what_is_due(watched);
    watched.due = std::min(next_sweep.value_or(next_check), next_check);
    const MutexLock lock(mutex_);
    looked_at_.clear();
    if (!forgotten_) {
      const auto [known, is_alone] = watched_.try_emplace(watched.spec.path, watched);
      if (!is_alone) {  // a publication in the meantime asked for an earlier look
        known->second.looks_through = known->second.looks_through || watched.looks_through;
        known->second.rests_until = watched.rests_until;
      }
    }
  }
}

}  // namespace freshet::checkout
