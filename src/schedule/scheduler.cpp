#include "schedule/scheduler.h"

#include <algorithm>
#include <random>

#include "schedule/announcements.h"

namespace freshet::schedule {
namespace {

constexpr Duration kHeartbeat{1000};
constexpr Duration kSilenceAllowed{10'000};

Instant::rep stamp() {
  return now().time_since_epoch().count();
}

}  // namespace

Scheduler::Scheduler(const Limits& limits, World& world)
    : world_(world),
      heartbeat_(stamp()),
      plan_(limits),
      wanted_workers_(static_cast<std::size_t>(limits.refreshes)) {}

Scheduler::~Scheduler() {
  stop();
}

void Scheduler::start() {
  const MutexLock lock(mutex_);
  timer_ = std::thread([this] { run_timers(); });
  started_ = true;
  start_workers();
}

void Scheduler::start_workers() {
  while (workers_.size() < wanted_workers_) {
    workers_.emplace_back([this] { run_jobs(); });
  }
}

void Scheduler::stop() {
  std::vector<std::thread> workers;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    workers.swap(workers_);
    for (const auto& [name, cancel] : running_) {
      cancel.cancel();
    }
  }
  work_or_stop_.notify_all();
  timer_or_stop_.notify_all();
  for (std::thread& worker : workers) {
    worker.join();
  }
  if (timer_.joinable()) {
    timer_.join();
  }
  const MutexLock lock(mutex_);
  while (probes_in_flight_ > 0) {
    probes_ended_.wait(mutex_);
  }
}

/// To be called after everything that may let a refresh or a probe start. Waking a thread costs
/// more than a poll, so nobody is woken for nothing.
void Scheduler::wake_whom_it_concerns() {
  if (plan_.has_ready()) {
    work_or_stop_.notify_one();
  }
  if (timer_sleeps_until_ != Instant::min() &&
      (plan_.has_ready_probe() || plan_.wakes_at() < timer_sleeps_until_)) {
    timer_sleeps_until_ = Instant::min();
    timer_or_stop_.notify_one();
  }
}

void Scheduler::change_limits(const Limits& limits) {
  const MutexLock lock(mutex_);
  plan_.change_limits(limits, now());
  wanted_workers_ = std::max(wanted_workers_, static_cast<std::size_t>(limits.refreshes));
  if (started_ && !stopping_) {
    start_workers();
  }
  wake_whom_it_concerns();
}

void Scheduler::follow(const Followed& followed) {
  const MutexLock lock(mutex_);
  plan_.follow(followed, now());
  wake_whom_it_concerns();
}

void Scheduler::pause(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  plan_.pause(name, now());
}

void Scheduler::resume(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  plan_.resume(name, now());
  wake_whom_it_concerns();
}

std::vector<Announcement> Scheduler::forget(const RepositoryName& name) {
  const MutexLock lock(mutex_);
  std::vector<Announcement> open = plan_.forget(name, now());
  if (const auto position = running_.find(name); position != running_.end()) {
    position->second.cancel();
  }
  return open;
}

Result<Receipt> Scheduler::accept(const Trigger& trigger) {
  std::optional<Plan::Taken> taken;
  {
    const MutexLock lock(mutex_);
    if (stopping_) {
      return fail(ErrorClass::conflict, "freshet is stopping");
    }
    const bool asked_for = trigger.cause == Cause::manual || trigger.cause == Cause::retry;
    if (asked_for && plan_.is_paused(trigger.repository)) {
      const std::string& name = trigger.repository.text();
      return fail(ErrorClass::conflict, name + " is paused; `freshet resume " + name + "` first");
    }
    taken = plan_.trigger(trigger, now());
    if (!taken) {
      return fail(ErrorClass::not_found, "no repository is called " + trigger.repository.text());
    }
    wake_whom_it_concerns();
  }
  if (!taken->settled.empty()) {
    world_.settled(taken->settled);
  }
  return taken->receipt;
}

bool Scheduler::makes_progress() const {
  return Instant::duration(stamp() - heartbeat_.load()) < kSilenceAllowed;
}

std::size_t Scheduler::queue_depth() const {
  const MutexLock lock(mutex_);
  return plan_.waiting();
}

std::vector<HostStatus> Scheduler::hosts() const {
  const MutexLock lock(mutex_);
  return plan_.hosts(now());
}

void Scheduler::run_timers() {
  for (;;) {
    start_probes();
    const MutexLock lock(mutex_);
    if (stopping_) {
      return;
    }
    const Instant time = now();
    heartbeat_ = stamp();
    if (world_.prober() != nullptr && plan_.has_ready_probe()) {
      continue;  // since start_probes() looked
    }
    const Instant due = plan_.wakes_at();
    // Starting probes fired the timers of refreshes as well.
    if (due <= time || plan_.has_ready()) {
      work_or_stop_.notify_one();
    }
    // A due timer that no worker can take yet must not make this loop spin.
    const Instant next = due <= time ? time + kHeartbeat / 10 : due;
    timer_sleeps_until_ = std::min(next, time + kHeartbeat);
    timer_or_stop_.wait_until(mutex_, timer_sleeps_until_);
    timer_sleeps_until_ = Instant::min();
  }
}

void Scheduler::start_probes() {
  Prober* prober = world_.prober();
  if (prober == nullptr) {
    return;
  }
  for (;;) {
    std::optional<Job> job;
    std::optional<CancelToken> cancel;
    {
      const MutexLock lock(mutex_);
      if (stopping_ || !(job = plan_.start_next_probe(now()))) {
        return;
      }
      cancel.emplace();
      running_.insert_or_assign(job->repository, *cancel);
      ++probes_in_flight_;
    }
    prober->probe(*job, *cancel,
                  [this, asked = *job, started = wall_now()](const ProbeAnswer& answer) {
                    probe_done(asked, started, answer);
                  });
  }
}

void Scheduler::probe_done(const Job& job, WallTime started, const ProbeAnswer& answer) {
  if (answer.changed && !answer.error) {
    const MutexLock lock(mutex_);
    running_.erase(job.repository);
    plan_.needs_refresh(job.repository, now());
    wake_whom_it_concerns();
  } else {
    Outcome outcome;
    outcome.repository = job.repository;
    outcome.cause = job.cause;
    outcome.ticket = job.ticket;
    outcome.probe_only = true;
    outcome.started = started;
    outcome.ended = wall_now();
    if (answer.error) {
      outcome.result = RefreshResult::failed;
      outcome.error = answer.error;
      outcome.cancelled = answer.error->error_class == ErrorClass::conflict;
    }
    conclude(outcome);
  }
  const MutexLock lock(mutex_);
  --probes_in_flight_;
  probes_ended_.notify_all();
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
      wake_whom_it_concerns();  // there may be more
    }
    run(*job, cancel);
  }
}

void Scheduler::run(const Job& job, const CancelToken& cancel) {
  world_.events().report(RefreshStarted{job.repository, job.cause, wall_now()});
  Outcome outcome = world_.runner().run(job, cancel);
  outcome.cancelled = outcome.cancelled || (outcome.error && cancel.cancelled());
  outcome.served = served_by(job, outcome);
  if (!outcome.lagging.empty()) {
    const MutexLock lock(mutex_);
    plan_.judge_lag(outcome, now());
  }
  conclude(outcome);
}

void Scheduler::conclude(const Outcome& outcome) {
  // Before the plan may start the next one, so that nobody sees it start before this one's end.
  world_.events().report(RefreshFinished{outcome});
  Plan::Finished finished;
  {
    const MutexLock lock(mutex_);
    running_.erase(outcome.repository);
    finished = plan_.finish(outcome, now(), chance());
  }
  world_.settled(finished.settled);
  if (finished.missed_delivery) {
    world_.events().report(DeliveryMissed{outcome.repository});
  }
  std::optional<WallTime> next;
  if (finished.next) {
    next = wall_now() + std::chrono::duration_cast<WallTime::duration>(*finished.next - now());
  }
  world_.events().report(NextRefreshPlanned{outcome.repository, next});
  // What this refresh kept waiting, and the timer it set, are new to the others.
  const MutexLock lock(mutex_);
  wake_whom_it_concerns();
}

double Scheduler::chance() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace freshet::schedule
