#pragma once

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

namespace freshet::schedule {

/// What the plan knows of one repository.
struct Followed {
  RepositoryName name;
  HostKey host;
  std::optional<Duration> interval;  ///< nullopt: no polling
};

struct Limits {
  int refreshes = 8;  ///< running at once
  int per_host = 4;   ///< running at once towards one upstream host
  Backoff backoff{std::chrono::seconds(1), std::chrono::minutes(5), 0.2};
  /// First delay after an error that trying again quickly cannot mend.
  Duration slow_first{std::chrono::seconds(30)};
  /// How long an upstream may still answer what it had before its own announcement.
  Duration lag_limit{std::chrono::minutes(2)};
  double poll_jitter = 0.1;  ///< a share of the interval that chance takes off a poll
};

/// Decides which refresh runs when. Plain data: the time and chance are arguments, so that every
/// decision can be tested in a table. Not synchronised.
///
/// For each repository at most one refresh runs and at most one waits: triggers that come while one
/// waits join it, triggers that come while one runs make the next. Nothing accepted is lost: what a
/// failed or cancelled refresh did not serve is carried into the next one.
class Plan {
 public:
  explicit Plan(Limits limits) : limits_(limits) {}

  /// Adds a repository, with a first refresh of cause start waiting, or changes a known one.
  void follow(const Followed& followed, Instant now);
  void forget(const RepositoryName& name);
  void change_limits(const Limits& limits);

  /// nullopt: no such repository.
  std::optional<Receipt> trigger(const Trigger& trigger, Instant now);

  /// The refresh to start now, if the limits allow one; it counts as running from here on.
  std::optional<Job> start_next(Instant now);

  struct Finished {
    std::optional<Instant> next;         ///< when it runs again by itself
    std::vector<std::uint64_t> settled;  ///< journal ids whose announcements are served or given up
  };
  /// Takes the outcome of a running refresh. `chance` is uniform in [0, 1).
  Finished finish(const Outcome& outcome, Instant now, double chance);

  /// When start_next may have something new although nobody calls; max(): never.
  Instant wakes_at() const;
  bool is_running(const RepositoryName& name) const;
  std::size_t waiting() const;  ///< refreshes that could start but for the limits
  std::size_t running() const { return running_; }

 private:
  struct Waiting {
    Cause cause = Cause::poll;
    Ticket ticket = 0;
    std::uint64_t order = 0;  ///< first come, first served within a cause's rank
  };
  struct Entry {
    Followed followed;
    bool forgotten = false;  ///< goes when its refresh ends
    std::optional<Waiting> waiting;
    std::optional<Job> running;
    HostKey running_on;  ///< the host that the running refresh counts for
    Instant started{};
    std::vector<Announcement> announced;  ///< for the next refresh
    std::optional<Instant> timer;         ///< when it runs again by itself
    Cause timer_cause = Cause::poll;
    int failures = 0;
    int lag_attempts = 0;
    std::optional<Instant> lagging_since;
    bool polled_before = false;
  };
  using Rank = std::tuple<int, std::uint64_t, RepositoryName>;
  struct Host {
    int running = 0;
    std::set<Rank> queue;
    std::optional<Rank> head;  ///< as it stands in heads_
  };

  void set_timer(Entry& entry, std::optional<Instant> at, Cause cause);
  void enqueue(Entry& entry, Cause cause, Ticket ticket);
  void dequeue(Entry& entry);
  void fire_timers(Instant now);
  void refresh_head(Host& host);
  void plan_next(Entry& entry, const Outcome& outcome, Instant now, double chance);
  Duration retry_delay(const Entry& entry, const Error& error, double chance) const;
  std::vector<std::uint64_t> settle(Entry& entry, const Outcome& outcome, Instant now);
  static Rank rank_of(const Entry& entry);

  Limits limits_;
  std::unordered_map<RepositoryName, Entry> entries_;
  std::set<std::pair<Instant, RepositoryName>> timers_;
  std::unordered_map<HostKey, Host> hosts_;
  /// The first waiting refresh of every host that may start one.
  std::set<Rank> heads_;
  std::size_t running_ = 0;
  Ticket last_ticket_ = 0;
  std::uint64_t last_order_ = 0;
};

}  // namespace freshet::schedule
