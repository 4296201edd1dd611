#include "schedule/plan.h"

#include <algorithm>

#include "schedule/announcements.h"

namespace freshet::schedule {
namespace {

/// The weight of repositories that fail: behind everything else.
constexpr int kFailing = 9;
/// After a 429 that does not say how long.
constexpr Duration kDefaultPause{std::chrono::seconds(60)};

/// Lower goes first: what somebody waits for, then repositories that nobody has looked at yet.
int weight(Cause cause) {
  switch (cause) {
    case Cause::manual:
    case Cause::delivery:
      return 0;
    case Cause::start:
      return 1;
    case Cause::retry:
    case Cause::poll:
      break;
  }
  return 2;
}

Duration scaled(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

}  // namespace

Plan::Rank Plan::rank_of(const Entry& entry) {
  const int by_cause = weight(entry.waiting->cause);
  const bool fails = entry.failures > 0 && by_cause > 0;
  return {fails ? kFailing : by_cause, entry.waiting->order, entry.followed.name};
}

Plan::LaneKind Plan::lane_of(const Entry& entry) const {
  const bool by_itself = weight(entry.waiting->cause) > weight(Cause::start);
  return entry.followed.probes && entry.refreshed_before && by_itself && !entry.waiting->probed &&
                 entry.announced.empty()
             ? kProbe
             : kWork;
}

void Plan::follow(const Followed& followed, Instant now) {
  const auto [position, added] = entries_.try_emplace(followed.name);
  Entry& entry = position->second;
  if (added) {
    entry.followed = followed;
    entry.paused = followed.paused;
    enqueue(entry, Cause::start, ++last_ticket_, now);
    return;
  }
  entry.forgotten = false;
  const std::optional<Waiting> waiting = entry.waiting;
  dequeue(entry, now);  // the host may be another one now
  const std::optional<Duration> interval = interval_of(entry);
  entry.followed = followed;
  if (waiting) {
    enqueue(entry, waiting->cause, waiting->ticket, now, waiting->probed);
  }
  if (interval != interval_of(entry) && !entry.running && !entry.paused &&
      entry.timer_cause == Cause::poll) {
    const auto changed = interval_of(entry);
    set_timer(entry, changed ? std::optional(now + *changed) : std::nullopt, Cause::poll);
  }
}

std::vector<Announcement> Plan::forget(const RepositoryName& name, Instant now) {
  const auto position = entries_.find(name);
  if (position == entries_.end()) {
    return {};
  }
  Entry& entry = position->second;
  dequeue(entry, now);
  set_timer(entry, std::nullopt, Cause::poll);
  std::vector<Announcement> open = std::exchange(entry.announced, {});
  if (entry.running) {
    open.insert(open.begin(), entry.running->announcements.begin(),
                entry.running->announcements.end());
    entry.forgotten = true;
  } else {
    entries_.erase(position);
  }
  return open;
}

void Plan::pause(const RepositoryName& name, Instant now) {
  const auto position = entries_.find(name);
  if (position == entries_.end() || position->second.paused) {
    return;
  }
  Entry& entry = position->second;
  const std::optional<Waiting> waiting = entry.waiting;
  dequeue(entry, now);
  entry.paused = true;
  entry.waiting = waiting;
  set_timer(entry, std::nullopt, Cause::poll);
}

void Plan::resume(const RepositoryName& name, Instant now) {
  const auto position = entries_.find(name);
  if (position == entries_.end() || !position->second.paused) {
    return;
  }
  Entry& entry = position->second;
  entry.paused = false;
  if (const auto waiting = std::exchange(entry.waiting, std::nullopt)) {
    enqueue(entry, waiting->cause, waiting->ticket, now, waiting->probed);
  }
  // Polls may have been missed.
  trigger({name, Cause::manual, {}, ""}, now);
}

bool Plan::is_paused(const RepositoryName& name) const {
  const auto position = entries_.find(name);
  return position != entries_.end() && position->second.paused;
}

void Plan::change_limits(const Limits& limits, Instant now) {
  limits_ = limits;
  for (const auto& [key, host] : hosts_) {
    refresh_heads(key, now);
  }
}

std::optional<Plan::Taken> Plan::trigger(const Trigger& trigger, Instant now) {
  const auto position = entries_.find(trigger.repository);
  if (position == entries_.end() || position->second.forgotten) {
    return std::nullopt;
  }
  Entry& entry = position->second;
  const bool coalesced = entry.waiting.has_value();
  const std::optional<Waiting> waiting = entry.waiting;
  dequeue(entry, now);  // what is announced decides its lane
  std::vector<std::uint64_t> dropped = append(entry.announced, trigger.announcements);
  entry.accept_loss = entry.accept_loss || trigger.accept_loss;
  if (trigger.cause == Cause::manual) {
    entry.pace.lift();
  }
  if (trigger.cause == Cause::delivery) {
    entry.lag_attempts = 0;
    entry.lagging_since.reset();
    if (entry.unannounced_since && now - *entry.unannounced_since < limits_.delivery_grace) {
      entry.unannounced_since.reset();
    }
  }
  if (waiting) {
    enqueue(entry, waiting->cause, waiting->ticket, now, waiting->probed);
  }
  const Ticket ticket = ++last_ticket_;
  enqueue(entry, trigger.cause, ticket, now);
  if (trigger.cause == Cause::manual) {
    hosts_[entry.followed.host].gate.try_now(now);
    refresh_heads(entry.followed.host, now);
  }
  return Taken{{ticket, coalesced, entry.next_number}, std::move(dropped)};
}

void Plan::enqueue(Entry& entry, Cause cause, Ticket ticket, Instant now, bool probed) {
  Waiting waiting{cause, ticket, 0, probed};
  if (entry.waiting) {
    waiting.order = entry.waiting->order;
    waiting.ticket = std::max(waiting.ticket, entry.waiting->ticket);
    waiting.probed = probed || entry.waiting->probed;
    if (weight(entry.waiting->cause) <= weight(cause)) {
      waiting.cause = entry.waiting->cause;
    }
    dequeue(entry, now);
  } else {
    waiting.order = ++last_order_;
  }
  entry.waiting = waiting;
  if (entry.next_number == 0) {
    entry.next_number = ++last_number_;
  }
  if (!entry.running && !entry.paused) {
    stand_in_line(entry, now);
  }
}

void Plan::dequeue(Entry& entry, Instant now) {
  if (!entry.waiting) {
    return;
  }
  if (entry.rests) {
    rests_.erase({*std::exchange(entry.rests, std::nullopt), entry.followed.name});
  } else if (!entry.running && !entry.paused) {
    hosts_[entry.followed.host].lanes[lane_of(entry)].queue.erase(rank_of(entry));
    refresh_heads(entry.followed.host, now);
  }
  entry.waiting.reset();
}

void Plan::stand_in_line(Entry& entry, Instant now) {
  if (entry.waiting->cause == Cause::delivery && now < entry.pace.earliest()) {
    entry.rests = entry.pace.earliest();
    rests_.insert({*entry.rests, entry.followed.name});
    return;
  }
  hosts_[entry.followed.host].lanes[lane_of(entry)].queue.insert(rank_of(entry));
  refresh_heads(entry.followed.host, now);
}

void Plan::refresh_heads(const HostKey& key, Instant now) {
  Host& host = hosts_[key];
  const std::array<int, 2> limits{limits_.probes_per_host, limits_.per_host};
  for (std::size_t lane = 0; lane < host.lanes.size(); ++lane) {
    HostLane& here = host.lanes[lane];
    std::optional<Rank> head;
    if (!here.queue.empty() && here.running < host.gate.allowed(limits[lane], now)) {
      head = *here.queue.begin();
    }
    if (head == here.head) {
      continue;
    }
    if (here.head) {
      lanes_[lane].heads.erase(*here.head);
    }
    if (head) {
      lanes_[lane].heads.insert(*head);
    }
    here.head = head;
  }
  const bool somebody_waits = !host.lanes[kProbe].queue.empty() || !host.lanes[kWork].queue.empty();
  const auto timer = somebody_waits ? host.gate.changes_at(now) : std::nullopt;
  if (timer != host.timer) {
    if (host.timer) {
      host_timers_.erase({*host.timer, key});
    }
    if (timer) {
      host_timers_.insert({*timer, key});
    }
    host.timer = timer;
  }
}

void Plan::set_timer(Entry& entry, std::optional<Instant> at, Cause cause) {
  if (entry.timer) {
    timers_.erase({*entry.timer, entry.followed.name});
  }
  entry.timer = at;
  entry.timer_cause = cause;
  if (at) {
    timers_.insert({*at, entry.followed.name});
  }
}

void Plan::fire_timers(Instant now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Entry& entry = entries_.at(timers_.begin()->second);
    const Cause cause = entry.timer_cause;
    set_timer(entry, std::nullopt, cause);
    enqueue(entry, cause, ++last_ticket_, now);
  }
  while (!rests_.empty() && rests_.begin()->first <= now) {
    Entry& entry = entries_.at(rests_.begin()->second);
    rests_.erase(rests_.begin());
    entry.rests.reset();
    stand_in_line(entry, now);
  }
  while (!host_timers_.empty() && host_timers_.begin()->first <= now) {
    refresh_heads(HostKey(host_timers_.begin()->second), now);
  }
}

std::optional<Job> Plan::start_next(Instant now) {
  return start(kWork, now);
}

std::optional<Job> Plan::start_next_probe(Instant now) {
  return start(kProbe, now);
}

std::optional<Job> Plan::start(LaneKind kind, Instant now) {
  fire_timers(now);
  Lane& lane = lanes_[kind];
  if (!has_ready(kind)) {
    return std::nullopt;
  }
  const Rank& first = *lane.heads.begin();
  // The failing ones stand last: when one of them is first, only such are left.
  const bool as_failing = kind == kWork && std::get<0>(first) == kFailing;
  const auto share = static_cast<std::size_t>(std::max(1, limits_.refreshes / 4));
  if (as_failing && failing_running_ >= share) {
    return std::nullopt;
  }
  Entry& entry = entries_.at(std::get<2>(first));
  const Waiting waiting = *entry.waiting;
  dequeue(entry, now);
  // Whatever the timer was for, this refresh does it.
  set_timer(entry, std::nullopt, Cause::poll);
  Job job{entry.followed.name, waiting.cause, waiting.ticket, std::move(entry.announced),
          std::exchange(entry.accept_loss, false)};
  if (kind == kWork) {  // what a probe finds is what the next refresh takes
    job.number = std::exchange(entry.next_number, 0);
  }
  entry.announced.clear();
  entry.running = job;
  entry.running_on = entry.followed.host;
  entry.running_in = kind;
  entry.runs_as_failing = as_failing;
  entry.started = now;
  failing_running_ += as_failing ? 1 : 0;
  ++hosts_[entry.running_on].lanes[kind].running;
  ++lane.running;
  refresh_heads(entry.running_on, now);
  return job;
}

/// Takes it out of the running ones; what waited behind it may start.
void Plan::release(Entry& entry, Instant now) {
  failing_running_ -= entry.runs_as_failing ? 1 : 0;
  --lanes_[entry.running_in].running;
  --hosts_[entry.running_on].lanes[entry.running_in].running;
  entry.running.reset();
  refresh_heads(entry.running_on, now);
  if (entry.waiting && !entry.forgotten &&
      !entry.paused) {  // it was kept out of its host's queue meanwhile
    stand_in_line(entry, now);
  }
}

void Plan::needs_refresh(const RepositoryName& name, Instant now) {
  const auto position = entries_.find(name);
  if (position == entries_.end() || !position->second.running) {
    return;
  }
  Entry& entry = position->second;
  const Job job = *entry.running;
  hosts_[entry.running_on].gate.answered();
  release(entry, now);
  if (entry.forgotten) {
    entries_.erase(position);
    return;
  }
  enqueue(entry, job.cause, job.ticket, now, true);
}

Plan::Finished Plan::finish(const Outcome& outcome, Instant now, double chance) {
  const auto position = entries_.find(outcome.repository);
  if (position == entries_.end() || !position->second.running) {
    return {};
  }
  Entry& entry = position->second;
  Finished finished;
  finished.settled = settle(entry, outcome, now);
  finished.missed_delivery = judge_deliveries(entry, outcome, now);
  note_host(entry.running_on, outcome, now, chance);
  count_failure(entry, outcome);
  entry.pace.finished(*entry.running, outcome, now);
  release(entry, now);
  if (entry.forgotten) {
    entries_.erase(position);
    return finished;
  }
  if (entry.paused) {
    return finished;
  }
  plan_next(entry, outcome, now, chance);
  finished.next = entry.waiting ? std::optional(now) : entry.timer;
  return finished;
}

void Plan::note_host(const HostKey& key, const Outcome& outcome, Instant now, double chance) {
  HostGate& gate = hosts_[key].gate;
  if (outcome.cancelled || !outcome.asked) {
    return;
  }
  if (!outcome.error) {
    gate.answered();
    return;
  }
  switch (outcome.error->error_class) {
    case ErrorClass::network:
    case ErrorClass::timeout:
      gate.failed(now, chance);
      break;
    case ErrorClass::rate_limited:
      gate.asked_to_wait(
          now, outcome.error->retry_after ? Duration(*outcome.error->retry_after) : kDefaultPause);
      break;
    default:
      gate.answered();
      break;
  }
}

/// Whether an earlier poll's find was never announced, and what this refresh says of deliveries.
bool Plan::judge_deliveries(Entry& entry, const Outcome& outcome, Instant now) const {
  if (outcome.error || outcome.cancelled) {
    return false;
  }
  bool missed = false;
  if (entry.unannounced_since && now - *entry.unannounced_since >= limits_.delivery_grace) {
    missed = true;
    entry.deliveries_arrive = false;
    entry.unannounced_since.reset();
  }
  if (!entry.running->announcements.empty()) {
    entry.deliveries_arrive = true;
  } else if (outcome.result == RefreshResult::updated && entry.deliveries_arrive &&
             entry.refreshed_before && weight(outcome.cause) > weight(Cause::start)) {
    entry.unannounced_since = now;
  }
  entry.refreshed_before = true;
  return missed;
}

std::optional<Duration> Plan::interval_of(const Entry& entry) {
  const Followed& followed = entry.followed;
  const bool rarely = entry.deliveries_arrive && !entry.unannounced_since;
  if (!rarely || !followed.interval || !followed.webhook_interval) {
    return followed.interval;
  }
  return std::optional(std::max(*followed.interval, *followed.webhook_interval));
}

std::vector<std::uint64_t> Plan::settle(Entry& entry, const Outcome& outcome, Instant now) {
  const std::vector<Announcement>& served = entry.running->announcements;
  const bool unserved = outcome.error || outcome.cancelled;
  std::vector<Announcement> open = still_open(served, outcome);
  if (open.empty()) {
    entry.lagging_since.reset();
    entry.lag_attempts = 0;
  } else if (!entry.lagging_since) {
    entry.lagging_since = now;
    entry.lag_attempts = 1;
  } else {
    entry.lag_attempts += entry.running->cause == Cause::retry ? 1 : 0;
    if (!unserved && lag_is_over(entry, now)) {
      open.clear();  // what the upstream answers is the truth
      entry.lagging_since.reset();
      entry.lag_attempts = 0;
    }
  }
  std::vector<std::uint64_t> settled = journal_ids(without(served, open));
  for (Announcement& announcement : open) {
    announcement.lagged = announcement.lagged || !unserved;
  }
  // Older than what came in while the refresh ran, so in front of it.
  const std::vector<std::uint64_t> dropped = append(open, entry.announced);
  settled.insert(settled.end(), dropped.begin(), dropped.end());
  entry.announced = std::move(open);
  return settled;
}

bool Plan::lag_is_over(const Entry& entry, Instant now) const {
  return entry.lagging_since && now - *entry.lagging_since >= limits_.lag_limit;
}

bool Plan::lag_is_over(const RepositoryName& name, Instant now) const {
  const auto position = entries_.find(name);
  return position != entries_.end() && lag_is_over(position->second, now);
}

/// Only what the plan started by itself counts: somebody who asks again and again must not make the
/// next try come later.
void Plan::count_failure(Entry& entry, const Outcome& outcome) {
  if (outcome.cancelled) {
    return;
  }
  const bool by_itself = weight(entry.running->cause) > 0;
  if (!outcome.error) {
    entry.failures = 0;
    entry.next_retry.reset();
  } else {
    entry.failures = by_itself ? entry.failures + 1 : std::max(entry.failures, 1);
    if (by_itself) {
      entry.next_retry.reset();
    }
  }
}

Duration Plan::retry_delay(const Entry& entry, const Error& error, double chance) const {
  Backoff backoff = limits_.backoff;
  const Duration interval = entry.followed.interval.value_or(limits_.slow_first);
  backoff.longest = std::clamp(10 * interval, limits_.slow_first, backoff.longest);
  if (!traits(error.error_class).retry_soon) {
    backoff.first = std::clamp(interval, backoff.first, limits_.slow_first);
  }
  const Duration delay = backoff.delay(entry.failures, chance);
  return error.retry_after ? std::max<Duration>(delay, *error.retry_after) : delay;
}

/// While the upstream has not caught up with its own announcement: 1, 2, 4, 8 s ...
std::optional<Instant> Plan::lag_retry(Entry& entry, Instant now) {
  if (!entry.lagging_since) {
    return std::nullopt;
  }
  const Instant end = *entry.lagging_since + limits_.lag_limit;
  if (now >= end) {
    return std::nullopt;
  }
  const Backoff lag{std::chrono::seconds(1), limits_.lag_limit, 0};
  return std::min(now + lag.delay(std::max(entry.lag_attempts, 1), 0), end);
}

void Plan::plan_next(Entry& entry, const Outcome& outcome, Instant now, double chance) {
  if (outcome.cancelled) {
    set_timer(entry, now, Cause::retry);
    return;
  }
  const std::optional<Instant> lag = lag_retry(entry, now);
  if (outcome.error) {
    if (!entry.next_retry || *entry.next_retry <= now) {
      entry.next_retry = now + retry_delay(entry, *outcome.error, chance);
    }
    set_timer(entry, std::min(*entry.next_retry, lag.value_or(Instant::max())), Cause::retry);
    return;
  }
  plan_poll(entry, now, chance);
  if (lag && (!entry.timer || *lag < *entry.timer)) {
    set_timer(entry, lag, Cause::retry);
  }
}

namespace {

/// Polls leave in small groups, a little earlier than they would alone: one waking of the threads
/// and of the connection serves several.
Instant on_a_tick(Instant at, Duration interval) {
  const Duration tick = std::clamp(interval / 8, Duration(1), Duration(250));
  return at - at.time_since_epoch() % tick;
}

}  // namespace

void Plan::plan_poll(Entry& entry, Instant now, double chance) {
  if (!interval_of(entry)) {
    return;
  }
  // The first polls after a start are spread over a whole interval, later ones keep their distance.
  const Duration interval = *interval_of(entry);
  const Duration wait = entry.polled_before ? scaled(interval, 1 - limits_.poll_jitter * chance)
                                            : scaled(interval, 0.1 + 0.9 * chance);
  entry.polled_before = true;
  // Counted from the start of the refresh, so that polls keep the interval however long one takes;
  // an upstream slower than its interval still gets a pause.
  const Instant at = std::max(entry.started + wait, now + interval / 10);
  set_timer(entry, on_a_tick(at, interval), Cause::poll);
}

Instant Plan::wakes_at() const {
  const auto first_of = [](const auto& times) {
    return times.empty() ? Instant::max() : times.begin()->first;
  };
  return std::min({first_of(timers_), first_of(rests_), first_of(host_timers_)});
}

bool Plan::is_running(const RepositoryName& name) const {
  const auto position = entries_.find(name);
  return position != entries_.end() && position->second.running.has_value();
}

std::size_t Plan::waiting() const {
  std::size_t count = rests_.size();
  for (const auto& [key, host] : hosts_) {
    for (const HostLane& lane : host.lanes) {
      count += lane.queue.size();
    }
  }
  return count;
}

std::vector<HostStatus> Plan::hosts(Instant now) const {
  std::vector<HostStatus> hosts;
  std::set<HostKey> followed;
  for (const auto& [name, entry] : entries_) {
    if (!entry.forgotten && followed.insert(entry.followed.host).second) {
      const auto host = hosts_.find(entry.followed.host);
      hosts.push_back({entry.followed.host, host != hosts_.end() && host->second.gate.open(now)});
    }
  }
  return hosts;
}

}  // namespace freshet::schedule
