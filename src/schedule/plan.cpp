#include "schedule/plan.h"

#include <algorithm>

namespace freshet::schedule {
namespace {

/// Announcements that one refresh may carry; beyond that the oldest say nothing the newest do not.
constexpr std::size_t kMostAnnouncements = 10'000;

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

void append(std::vector<Announcement>& list, const std::vector<Announcement>& more) {
  list.insert(list.end(), more.begin(), more.end());
  if (list.size() > kMostAnnouncements) {
    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(kMostAnnouncements));
  }
}

}  // namespace

Plan::Rank Plan::rank_of(const Entry& entry) {
  return {weight(entry.waiting->cause), entry.waiting->order, entry.followed.name};
}

void Plan::follow(const Followed& followed, Instant now) {
  const auto [position, added] = entries_.try_emplace(followed.name);
  Entry& entry = position->second;
  if (added) {
    entry.followed = followed;
    enqueue(entry, Cause::start, ++last_ticket_);
    return;
  }
  entry.forgotten = false;
  const std::optional<Waiting> waiting = entry.waiting;
  dequeue(entry);  // the host may be another one now
  const bool interval_changed = entry.followed.interval != followed.interval;
  entry.followed = followed;
  if (waiting) {
    enqueue(entry, waiting->cause, waiting->ticket);
  }
  if (interval_changed && !entry.running && entry.timer_cause == Cause::poll) {
    set_timer(entry, followed.interval ? std::optional(now + *followed.interval) : std::nullopt,
              Cause::poll);
  }
}

void Plan::forget(const RepositoryName& name) {
  const auto position = entries_.find(name);
  if (position == entries_.end()) {
    return;
  }
  Entry& entry = position->second;
  dequeue(entry);
  set_timer(entry, std::nullopt, Cause::poll);
  if (entry.running) {
    entry.forgotten = true;
  } else {
    entries_.erase(position);
  }
}

void Plan::change_limits(const Limits& limits) {
  limits_ = limits;
  for (auto& [key, host] : hosts_) {
    refresh_head(host);
  }
}

std::optional<Receipt> Plan::trigger(const Trigger& trigger, Instant /*now*/) {
  const auto position = entries_.find(trigger.repository);
  if (position == entries_.end() || position->second.forgotten) {
    return std::nullopt;
  }
  Entry& entry = position->second;
  const bool coalesced = entry.waiting.has_value();
  append(entry.announced, trigger.announcements);
  if (trigger.cause == Cause::delivery) {
    entry.lag_attempts = 0;
    entry.lagging_since.reset();
  }
  const Ticket ticket = ++last_ticket_;
  enqueue(entry, trigger.cause, ticket);
  return Receipt{ticket, coalesced};
}

void Plan::enqueue(Entry& entry, Cause cause, Ticket ticket) {
  Waiting waiting{cause, ticket, 0};
  if (entry.waiting) {
    waiting.order = entry.waiting->order;
    waiting.ticket = std::max(waiting.ticket, entry.waiting->ticket);
    if (weight(entry.waiting->cause) <= weight(cause)) {
      waiting.cause = entry.waiting->cause;
    }
    dequeue(entry);
  } else {
    waiting.order = ++last_order_;
  }
  entry.waiting = waiting;
  if (!entry.running) {
    Host& host = hosts_[entry.followed.host];
    host.queue.insert(rank_of(entry));
    refresh_head(host);
  }
}

void Plan::dequeue(Entry& entry) {
  if (!entry.waiting) {
    return;
  }
  if (!entry.running) {
    Host& host = hosts_[entry.followed.host];
    host.queue.erase(rank_of(entry));
    refresh_head(host);
  }
  entry.waiting.reset();
}

void Plan::refresh_head(Host& host) {
  std::optional<Rank> head;
  if (!host.queue.empty() && host.running < limits_.per_host) {
    head = *host.queue.begin();
  }
  if (head == host.head) {
    return;
  }
  if (host.head) {
    heads_.erase(*host.head);
  }
  if (head) {
    heads_.insert(*head);
  }
  host.head = head;
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
    enqueue(entry, cause, ++last_ticket_);
  }
}

std::optional<Job> Plan::start_next(Instant now) {
  fire_timers(now);
  if (running_ >= static_cast<std::size_t>(limits_.refreshes) || heads_.empty()) {
    return std::nullopt;
  }
  Entry& entry = entries_.at(std::get<2>(*heads_.begin()));
  const Waiting waiting = *entry.waiting;
  dequeue(entry);
  // Whatever the timer was for, this refresh does it.
  set_timer(entry, std::nullopt, Cause::poll);
  Job job{entry.followed.name, waiting.cause, waiting.ticket, std::move(entry.announced)};
  entry.announced.clear();
  entry.running = job;
  entry.running_on = entry.followed.host;
  entry.started = now;
  Host& host = hosts_[entry.followed.host];
  ++host.running;
  ++running_;
  refresh_head(host);
  return job;
}

Plan::Finished Plan::finish(const Outcome& outcome, Instant now, double chance) {
  const auto position = entries_.find(outcome.repository);
  if (position == entries_.end() || !position->second.running) {
    return {};
  }
  Entry& entry = position->second;
  Finished finished;
  finished.settled = settle(entry, outcome, now);
  entry.running.reset();
  --running_;
  Host& ran_on = hosts_[entry.running_on];
  --ran_on.running;
  refresh_head(ran_on);
  if (entry.forgotten) {
    entries_.erase(position);
    return finished;
  }
  plan_next(entry, outcome, now, chance);
  if (entry.waiting) {  // it was kept out of its host's queue while the refresh ran
    Host& host = hosts_[entry.followed.host];
    host.queue.insert(rank_of(entry));
    refresh_head(host);
  }
  finished.next = entry.waiting ? std::optional(now) : entry.timer;
  return finished;
}

std::vector<std::uint64_t> Plan::settle(Entry& entry, const Outcome& outcome, Instant now) {
  const std::vector<Announcement>& served = entry.running->announcements;
  std::vector<Announcement> open = outcome.error || outcome.cancelled ? served : outcome.lagging;
  if (!outcome.error && !outcome.cancelled) {
    if (open.empty()) {
      entry.lagging_since.reset();
      entry.lag_attempts = 0;
    } else if (!entry.lagging_since) {
      entry.lagging_since = now;
    } else if (now - *entry.lagging_since >= limits_.lag_limit) {
      open.clear();  // what the upstream answers is the truth
      entry.lagging_since.reset();
    }
  }
  std::vector<std::uint64_t> settled;
  for (const Announcement& announcement : served) {
    if (announcement.journal_id != 0 &&
        std::find(open.begin(), open.end(), announcement) == open.end()) {
      settled.push_back(announcement.journal_id);
    }
  }
  // Older than what came in while the refresh ran, so in front of it.
  append(open, entry.announced);
  entry.announced = std::move(open);
  return settled;
}

Duration Plan::retry_delay(const Entry& entry, const Error& error, double chance) const {
  Backoff backoff = limits_.backoff;
  if (!traits(error.error_class).retry_soon) {
    backoff.first = std::clamp(entry.followed.interval.value_or(limits_.slow_first), backoff.first,
                               limits_.slow_first);
  }
  const Duration delay = backoff.delay(entry.failures, chance);
  return error.retry_after ? std::max<Duration>(delay, *error.retry_after) : delay;
}

void Plan::plan_next(Entry& entry, const Outcome& outcome, Instant now, double chance) {
  if (outcome.cancelled) {
    set_timer(entry, now, Cause::retry);
    return;
  }
  if (outcome.error) {
    ++entry.failures;
    set_timer(entry, now + retry_delay(entry, *outcome.error, chance), Cause::retry);
    return;
  }
  entry.failures = 0;
  if (entry.lagging_since) {
    const Backoff lag{std::chrono::seconds(1), limits_.lag_limit, 0};
    const Instant next = now + lag.delay(++entry.lag_attempts, chance);
    set_timer(entry, std::min(next, *entry.lagging_since + limits_.lag_limit), Cause::retry);
    return;
  }
  if (!entry.followed.interval) {
    return;
  }
  // The first polls after a start are spread over a whole interval, later ones keep their distance.
  const Duration interval = *entry.followed.interval;
  const Duration wait = entry.polled_before ? scaled(interval, 1 - limits_.poll_jitter * chance)
                                            : scaled(interval, 0.1 + 0.9 * chance);
  entry.polled_before = true;
  // Counted from the start of the refresh, so that polls keep the interval however long one takes;
  // an upstream slower than its interval still gets a pause.
  set_timer(entry, std::max(entry.started + wait, now + interval / 10), Cause::poll);
}

Instant Plan::wakes_at() const {
  return timers_.empty() ? Instant::max() : timers_.begin()->first;
}

bool Plan::is_running(const RepositoryName& name) const {
  const auto position = entries_.find(name);
  return position != entries_.end() && position->second.running.has_value();
}

std::size_t Plan::waiting() const {
  std::size_t count = 0;
  for (const auto& [key, host] : hosts_) {
    count += host.queue.size();
  }
  return count;
}

}  // namespace freshet::schedule
