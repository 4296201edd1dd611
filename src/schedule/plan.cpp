#include "schedule/plan.h"

#include <algorithm>

#include "schedule/announcements.h"

// Who is followed, and what was asked for. Whose turn it is: plan_turns.cpp. What an outcome leads
// to: plan_outcomes.cpp.

namespace freshet::schedule {

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
