#include "schedule/scheduler.h"

#include <algorithm>
#include <random>

namespace freshet::schedule {
namespace {

constexpr Duration kHeartbeat{1000};
constexpr Duration kSilenceAllowed{10'000};

Instant::rep stamp() {
  return now().time_since_epoch().count();
}

}  // namespace

Scheduler::Scheduler(const Limits& limits, World& world)
    : world_(world), workers_(limits.refreshes), heartbeat_(stamp()), plan_(limits) {}

Scheduler::~Scheduler() {
  stop();
}

void Scheduler::start() {
  threads_.emplace_back([this] { run_timers(); });
  for (int i = 0; i < workers_; ++i) {
    threads_.emplace_back([this] { run_jobs(); });
  }
}

void Scheduler::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [name, cancel] : running_) {
      cancel.cancel();
    }
  }
  work_or_stop_.notify_all();
  timer_or_stop_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void Scheduler::follow(const Followed& followed) {
  {
    const MutexLock lock(mutex_);
    plan_.follow(followed, now());
  }
  work_or_stop_.notify_one();
}

void Scheduler::forget(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  plan_.forget(name);
  if (const auto position = running_.find(name); position != running_.end()) {
    position->second.cancel();
  }
}

Result<Receipt> Scheduler::accept(const Trigger& trigger) {
  std::optional<Receipt> receipt;
  {
    const MutexLock lock(mutex_);
    if (stopping_) {
      return fail(ErrorClass::conflict, "freshet is stopping");
    }
    receipt = plan_.trigger(trigger, now());
  }
  if (!receipt) {
    return fail(ErrorClass::not_found, "no repository is called " + trigger.repository.text());
  }
  work_or_stop_.notify_one();
  return *receipt;
}

bool Scheduler::makes_progress() const {
  return Instant::duration(stamp() - heartbeat_.load()) < kSilenceAllowed;
}

std::size_t Scheduler::queue_depth() const {
  const MutexLock lock(mutex_);
  return plan_.waiting();
}

void Scheduler::run_timers() {
  const MutexLock lock(mutex_);
  while (!stopping_) {
    heartbeat_ = stamp();
    const Instant due = plan_.wakes_at();
    if (due <= now()) {
      work_or_stop_.notify_one();
    }
    // A due timer that no worker can take yet must not make this loop spin.
    const Instant next = due <= now() ? now() + kHeartbeat / 10 : due;
    timer_or_stop_.wait_until(mutex_, std::min(next, now() + kHeartbeat));
  }
}

void Scheduler::run_jobs() {
  for (;;) {
    std::optional<Job> job;
    CancelToken cancel;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && !(job = plan_.start_next(now()))) {
        work_or_stop_.wait(mutex_);
      }
      if (stopping_) {
        return;
      }
      running_.insert_or_assign(job->repository, cancel);
    }
    work_or_stop_.notify_one();  // there may be more
    run(*job, cancel);
  }
}

void Scheduler::run(const Job& job, const CancelToken& cancel) {
  world_.events().report(RefreshStarted{job.repository, job.cause, wall_now()});
  Outcome outcome = world_.runner().run(job, cancel);
  outcome.cancelled = outcome.cancelled || (outcome.error && cancel.cancelled());
  // Before the plan may start the next one, so that nobody sees it start before this one's end.
  world_.events().report(RefreshFinished{outcome});
  Plan::Finished finished;
  {
    const MutexLock lock(mutex_);
    running_.erase(job.repository);
    finished = plan_.finish(outcome, now(), chance());
  }
  world_.settled(finished.settled);
  std::optional<WallTime> next;
  if (finished.next) {
    next = wall_now() + std::chrono::duration_cast<WallTime::duration>(*finished.next - now());
  }
  world_.events().report(NextRefreshPlanned{job.repository, next});
  // What this refresh kept waiting, and the timer it set, are new to the others.
  work_or_stop_.notify_one();
  timer_or_stop_.notify_one();
}

double Scheduler::chance() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace freshet::schedule
