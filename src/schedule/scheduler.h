#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/mutex.h"
#include "model/event.h"
#include "model/job.h"
#include "model/trigger.h"
#include "schedule/plan.h"

namespace freshet::schedule {

/// The plan's thread: one that fires timers and proves that the plan makes progress, and as many
/// workers as refreshes may run at once. Thread-safe.
class Scheduler : public TriggerSink {
 public:
  /// What it needs of the world.
  class World {
   public:
    virtual ~World() = default;
    virtual JobRunner& runner() = 0;
    /// nullptr: every poll is a refresh.
    virtual Prober* prober() { return nullptr; }
    virtual EventSink& events() = 0;
    /// Announcements that are served or given up, by their ids in the journal.
    virtual void settled(const std::vector<std::uint64_t>& journal_ids) = 0;
  };

  Scheduler(const Limits& limits, World& world);
  ~Scheduler() override;  ///< stops
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  /// Starts no further refresh, cancels the running ones and waits until they have ended.
  void stop();

  void follow(const Followed& followed) EXCLUDES(mutex_);
  /// Takes effect at once; refreshes that run now are not ended.
  void change_limits(const Limits& limits) EXCLUDES(mutex_);
  /// A running refresh of it is cancelled. Returns what was announced of it and is not served yet.
  std::vector<Announcement> forget(const RepositoryName& name) EXCLUDES(mutex_);
  /// Error conflict, too: a person paused it, and the trigger is no delivery and no start.
  Result<Receipt> accept(const Trigger& trigger) override EXCLUDES(mutex_);
  // As of Plan.
  void pause(const RepositoryName& name) EXCLUDES(mutex_);
  void resume(const RepositoryName& name) EXCLUDES(mutex_);

  /// False when the timer thread has not come round for 10 seconds.
  bool makes_progress() const;
  std::size_t queue_depth() const EXCLUDES(mutex_);
  std::vector<HostStatus> hosts() const EXCLUDES(mutex_);

 private:
  void start_workers() REQUIRES(mutex_);
  void wake_whom_it_concerns() REQUIRES(mutex_);
  void run_timers() EXCLUDES(mutex_);
  void run_jobs() EXCLUDES(mutex_);
  void run(const Job& job, const CancelToken& cancel) EXCLUDES(mutex_);
  void start_probes() EXCLUDES(mutex_);
  void probe_done(const Job& job, WallTime started, const ProbeAnswer& answer) EXCLUDES(mutex_);
  void conclude(const Outcome& outcome) EXCLUDES(mutex_);
  double chance();

  World& world_;
  std::atomic<Instant::rep> heartbeat_;

  mutable Mutex mutex_;
  Condition work_or_stop_;
  Condition timer_or_stop_;
  /// When the timer thread looks again by itself; min() while it is about to.
  Instant timer_sleeps_until_ GUARDED_BY(mutex_) = Instant::min();
  Plan plan_ GUARDED_BY(mutex_);
  std::size_t wanted_workers_ GUARDED_BY(mutex_);
  bool started_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::unordered_map<RepositoryName, CancelToken> running_ GUARDED_BY(mutex_);
  std::size_t probes_in_flight_ GUARDED_BY(mutex_) = 0;
  Condition probes_ended_;

  std::thread timer_;
  std::vector<std::thread> workers_ GUARDED_BY(mutex_);
};

}  // namespace freshet::schedule
