#include "schedule/plan.h"

#include <algorithm>

#include "schedule/announcements.h"
#include "schedule/weight.h"

// What an outcome leads to: when the repository runs next, and what is served or missed.

namespace freshet::schedule {
namespace {

/// After a 429 that does not say how long.
constexpr Duration kDefaultPause{std::chrono::seconds(60)};

Duration scaled(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

/// Polls leave in small groups, a little earlier than they would alone: one waking of the threads
/// and of the connection serves several.
Instant on_a_tick(Instant at, Duration interval) {
  const Duration tick = std::clamp(interval / 8, Duration(1), Duration(250));
  return at - at.time_since_epoch() % tick;
}

}  // namespace

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
    // One that never came true is no reason to poll more rarely: what it meant may yet come.
    entry.deliveries_arrive = !outcome.gave_up;
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

Duration Plan::lag_limit_of(const Entry& entry) const {
  return entry.followed.interval ? limits_.lag_limit : limits_.unpolled_lag_limit;
}

void Plan::judge_lag(Outcome& outcome, Instant now) const {
  const auto position = entries_.find(outcome.repository);
  if (position == entries_.end() || outcome.lagging.empty() || outcome.error || outcome.cancelled) {
    return;
  }
  const Entry& entry = position->second;
  if (entry.lagging_since && now - *entry.lagging_since >= lag_limit_of(entry)) {
    outcome.lagging.clear();
    outcome.gave_up = true;
  }
}

/// Only what the plan started by itself counts: somebody who asks again and again must not make the
/// next try come later.
void Plan::count_failure(Entry& entry, const Outcome& outcome) {
  if (outcome.cancelled) {
    return;
  }
  const bool by_itself = weight(entry.running->cause) > 0;
  if (!outcome.error) {
    entry.failures = entry.slow_failures = 0;
    entry.next_retry.reset();
    return;
  }
  const auto count = [&](int& failures) {
    failures = by_itself ? failures + 1 : std::max(failures, 1);
  };
  count(entry.failures);
  if (!traits(outcome.error->error_class).retry_soon) {
    count(entry.slow_failures);
  }
  if (by_itself) {
    entry.next_retry.reset();
  }
}

Duration Plan::retry_delay(const Entry& entry, const Error& error, double chance) const {
  Backoff backoff = limits_.backoff;
  const Duration interval = entry.followed.interval.value_or(limits_.slow_first);
  backoff.longest = std::clamp(10 * interval, limits_.slow_first, backoff.longest);
  int failures = entry.failures;
  if (!traits(error.error_class).retry_soon) {
    // Quick tries that went before say nothing of how long the first slow one should wait.
    failures = entry.slow_failures;
    backoff.first = std::clamp(interval, backoff.first, limits_.slow_first);
  }
  const Duration delay = backoff.delay(failures, chance);
  return error.retry_after ? std::max<Duration>(delay, *error.retry_after) : delay;
}

/// While the upstream has not caught up with its own announcement: 1, 2, 4, 8 s ...
std::optional<Instant> Plan::lag_retry(const Entry& entry, Instant now) const {
  if (!entry.lagging_since) {
    return std::nullopt;
  }
  const Instant end = *entry.lagging_since + lag_limit_of(entry);
  if (now >= end) {
    return std::nullopt;
  }
  const Backoff lag{std::chrono::seconds(1), limits_.longest_lag_pause, 0};
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
  // Once the time is over, the next refresh is asked to judge that.
  const Instant again = lag.value_or(now);
  if (entry.lagging_since && (!entry.timer || again < *entry.timer)) {
    set_timer(entry, again, Cause::retry);
  }
}

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

}  // namespace freshet::schedule
