#include "schedule/plan.h"

#include "schedule/weight.h"

// Whose turn it is: lines of what waits, by lane and host, and the timers that put something there.

namespace freshet::schedule {
namespace {

/// The weight of repositories that fail: behind everything else.
constexpr int kFailing = 9;

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

}  // namespace freshet::schedule
