#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "model/ids.h"
#include "model/job.h"
#include "model/outcome.h"
#include "model/trigger.h"
#include "schedule/delivery_pace.h"
#include "schedule/host_gate.h"

namespace freshet::schedule {

/// What the plan knows of one repository.
struct Followed {
  RepositoryName name;
  HostKey host;
  std::optional<Duration> interval;  ///< nullopt: no polling
  /// The interval while deliveries prove to arrive; nullopt: the same.
  std::optional<Duration> webhook_interval = std::nullopt;
  bool probes = false;  ///< polls begin with a probe, which needs no worker
  bool paused = false;  ///< how a new one begins; a known one stays as it is
};

struct Limits {
  int refreshes = 8;  ///< running at once
  int per_host = 4;   ///< running at once towards one upstream host
  int probes = 512;   ///< probes in flight
  int probes_per_host = 64;
  Backoff backoff{std::chrono::seconds(1), std::chrono::minutes(5), 0.2};
  /// First delay after an error that trying again quickly cannot mend.
  Duration slow_first{std::chrono::seconds(30)};
  /// How long an upstream may still answer what it had before its own announcement: then polls take
  /// over. Where nothing polls, nobody else would ever look.
  Duration lag_limit{std::chrono::minutes(2)};
  Duration unpolled_lag_limit{std::chrono::hours(24)};
  Duration longest_lag_pause{std::chrono::minutes(15)};
  /// A delivery that comes so long after a poll found its change was only slower, not missed.
  Duration delivery_grace{std::chrono::seconds(3)};
  double poll_jitter = 0.1;  ///< a share of the interval that chance takes off a poll
};

/// What people see of an upstream host.
struct HostStatus {
  HostKey host;
  bool breaker_open = false;  ///< requests to it are held back after failures
};

/// Decides which refresh runs when. Plain data: the time and chance are arguments, so that every
/// decision can be tested in a table. Not synchronised.
///
/// For each repository at most one refresh runs and at most one waits: triggers that come while one
/// waits join it, triggers that come while one runs make the next. Nothing accepted is lost: what a
/// failed or cancelled refresh did not serve is carried into the next one.
///
/// A poll of a repository that can be probed goes through two lanes: a probe, of which hundreds are
/// in flight, and a refresh by a worker only when the probe found something. Repositories that fail
/// come last and never take more than a quarter of the workers.
class Plan {
 public:
  explicit Plan(Limits limits) : limits_(limits) {}

  /// Adds a repository, with a first refresh of cause start waiting, or changes a known one.
  void follow(const Followed& followed, Instant now);
  /// Returns what was announced of it and is not served yet.
  std::vector<Announcement> forget(const RepositoryName& name, Instant now);
  void change_limits(const Limits& limits, Instant now);

  /// Starts nothing for it until resume(): what comes waits and is kept. A refresh that runs goes
  /// on.
  void pause(const RepositoryName& name, Instant now);
  /// If it was paused, a refresh of cause manual waits now, with all that came meanwhile.
  void resume(const RepositoryName& name, Instant now);
  bool is_paused(const RepositoryName& name) const;

  struct Taken {
    Receipt receipt;
    std::vector<std::uint64_t> settled;  ///< journal ids of what newer announcements stand for
  };
  /// nullopt: no such repository.
  std::optional<Taken> trigger(const Trigger& trigger, Instant now);

  /// The refresh to start now, if the limits allow one; it counts as running from here on.
  std::optional<Job> start_next(Instant now);
  /// The same for probes. A probe that found nothing new, or failed, ends by finish(); one that
  /// found something by needs_refresh(), which makes a refresh of it wait.
  std::optional<Job> start_next_probe(Instant now);
  void needs_refresh(const RepositoryName& name, Instant now);

  /// To be asked before finish(): ends the wait for what the upstream has not shown for too long.
  /// What it answers is the truth.
  void judge_lag(Outcome& outcome, Instant now) const;

  struct Finished {
    std::optional<Instant> next;         ///< when it runs again by itself
    bool missed_delivery = false;        ///< a poll found what no delivery has announced since
    std::vector<std::uint64_t> settled;  ///< journal ids whose announcements are served or given up
  };
  /// Takes the outcome of a running refresh. `chance` is uniform in [0, 1).
  Finished finish(const Outcome& outcome, Instant now, double chance);

  /// When start_next may have something new although nobody calls; max(): never.
  Instant wakes_at() const;
  /// Whether a refresh, or a probe, waits and the limits let it start. The failing ones' share is
  /// not looked at.
  bool has_ready() const { return has_ready(kWork); }
  bool has_ready_probe() const { return has_ready(kProbe); }
  bool is_running(const RepositoryName& name) const;
  std::size_t waiting() const;  ///< refreshes and probes that wait for their turn
  std::size_t running() const { return lanes_[kWork].running; }
  /// Every host that something followed is on.
  std::vector<HostStatus> hosts(Instant now) const;

 private:
  struct Waiting {
    Cause cause = Cause::poll;
    Ticket ticket = 0;
    std::uint64_t order = 0;  ///< first come, first served within a cause's rank
    bool probed = false;      ///< a probe found something: only a refresh helps
  };
  enum LaneKind : std::size_t { kProbe, kWork };
  struct Entry {
    Followed followed;
    std::optional<Waiting> waiting;
    std::optional<Instant> rests;  ///< what waits stands in no line before
    DeliveryPace pace;
    std::optional<Job> running;
    HostKey running_on;  ///< the host that it counts for
    LaneKind running_in = kWork;
    Instant started{};
    RefreshNumber next_number = 0;        ///< of the next refresh; 0: nobody asked for one yet
    std::vector<Announcement> announced;  ///< for the next refresh
    std::optional<Instant> timer;         ///< when it runs again by itself
    std::optional<Instant>
        next_retry;  ///< of the failures in a row; nobody who asks moves it later
    std::optional<Instant> lagging_since;
    std::optional<Instant> unannounced_since;  ///< a poll found a change then
    Cause timer_cause = Cause::poll;
    int failures = 0;       ///< in a row
    int slow_failures = 0;  ///< those among them of a class with retry_soon = false
    int lag_attempts = 0;
    bool forgotten = false;        ///< goes when its refresh ends
    bool paused = false;           ///< what waits stands in no line
    bool runs_as_failing = false;  ///< it counts against the failing ones' share
    bool accept_loss = false;      ///< for the next refresh
    bool polled_before = false;
    bool refreshed_before = false;  ///< so that a probe has something to compare with
    bool deliveries_arrive = false;
  };
  using Rank = std::tuple<int, std::uint64_t, RepositoryName>;
  struct HostLane {
    int running = 0;
    std::set<Rank> queue;
    std::optional<Rank> head;  ///< as it stands in the lane's heads
  };
  struct Host {
    std::array<HostLane, 2> lanes;
    HostGate gate;
    std::optional<Instant> timer;  ///< when the gate opens, as it stands in host_timers_
  };
  struct Lane {
    std::size_t running = 0;
    std::set<Rank> heads;  ///< the first waiting one of every host that may start one
  };

  bool has_ready(LaneKind kind) const {
    return !lanes_[kind].heads.empty() && lanes_[kind].running < limit_of(kind);
  }
  std::size_t limit_of(LaneKind kind) const {
    return static_cast<std::size_t>(kind == kWork ? limits_.refreshes : limits_.probes);
  }
  void set_timer(Entry& entry, std::optional<Instant> at, Cause cause);
  void enqueue(Entry& entry, Cause cause, Ticket ticket, Instant now, bool probed = false);
  void dequeue(Entry& entry, Instant now);
  void stand_in_line(Entry& entry, Instant now);
  void fire_timers(Instant now);
  void refresh_heads(const HostKey& key, Instant now);
  std::optional<Job> start(LaneKind lane, Instant now);
  void release(Entry& entry, Instant now);
  LaneKind lane_of(const Entry& entry) const;
  void note_host(const HostKey& key, const Outcome& outcome, Instant now, double chance);
  bool judge_deliveries(Entry& entry, const Outcome& outcome, Instant now) const;
  static std::optional<Duration> interval_of(const Entry& entry);
  static void count_failure(Entry& entry, const Outcome& outcome);
  Duration lag_limit_of(const Entry& entry) const;
  std::optional<Instant> lag_retry(const Entry& entry, Instant now) const;
  void plan_poll(Entry& entry, Instant now, double chance);
  void plan_next(Entry& entry, const Outcome& outcome, Instant now, double chance);
  Duration retry_delay(const Entry& entry, const Error& error, double chance) const;
  std::vector<std::uint64_t> settle(Entry& entry, const Outcome& outcome, Instant now);
  static Rank rank_of(const Entry& entry);

  Limits limits_;
  std::unordered_map<RepositoryName, Entry> entries_;
  std::set<std::pair<Instant, RepositoryName>> timers_;
  std::set<std::pair<Instant, RepositoryName>> rests_;
  std::unordered_map<HostKey, Host> hosts_;
  std::set<std::pair<Instant, HostKey>> host_timers_;
  std::array<Lane, 2> lanes_;
  std::size_t failing_running_ = 0;
  Ticket last_ticket_ = 0;
  std::uint64_t last_order_ = 0;
  RefreshNumber last_number_ = 0;
};

}  // namespace freshet::schedule
