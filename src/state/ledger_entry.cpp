#include "state/ledger_entry.h"

#include <algorithm>

#include "state/announce_to_publish.h"

namespace freshet::state {

std::optional<RefreshEntry> entry_of(const Outcome& outcome) {
  const bool by_itself = outcome.cause == Cause::poll || outcome.cause == Cause::retry;
  const bool idle = outcome.result == RefreshResult::unchanged && by_itself &&
                    outcome.served.empty() && outcome.lagging.empty() && !outcome.gave_up;
  if (outcome.cancelled || idle) {
    return std::nullopt;
  }
  RefreshEntry entry;
  entry.repository = outcome.repository;
  entry.ticket = outcome.ticket;
  entry.cause = to_string(outcome.cause);
  entry.result = to_string(outcome.result);
  entry.error = outcome.error;
  entry.lagging = !outcome.lagging.empty();
  entry.started = outcome.started;
  entry.ended = outcome.ended;
  if (outcome.result == RefreshResult::updated) {
    entry.published_at = change_published_at(outcome);
  }
  return entry;
}

bool RefusalGate::admits(Instant now) {
  if (!refilled_) {
    refilled_ = now;
  }
  const auto periods = (now - *refilled_) / kBetween;
  if (periods > 0) {
    tokens_ = static_cast<int>(std::min<std::int64_t>(kBurst, tokens_ + periods));
    *refilled_ += periods * kBetween;
  }
  if (tokens_ == 0) {
    ++unlisted_;
    return false;
  }
  --tokens_;
  return true;
}

std::int64_t RefusalGate::take_unlisted() {
  return std::exchange(unlisted_, 0);
}

}  // namespace freshet::state
