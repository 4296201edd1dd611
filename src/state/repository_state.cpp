#include "state/repository_state.h"

#include <algorithm>

namespace freshet::state {
namespace {

void apply(RepositoryState& state, const RepositoryAdded& event) {
  state.name = event.repository;
  state.url = event.url;
  state.checkouts = event.checkouts;
  state.paused_since = event.paused_since;
  for (const CheckoutStatus& checkout : event.checkouts) {
    state.last_change = std::max(state.last_change, checkout.published_at);
  }
  if (!state.last_delivery) {
    state.last_delivery = event.last_delivery;
  }
}

void apply(RepositoryState& /*state*/, const RepositoryRemoved& /*event*/) {}

void apply(RepositoryState& state, const RepositoryPaused& event) {
  state.paused_since = event.since;
  state.next_poll.reset();
}

void apply(RepositoryState& state, const RefreshStarted& /*event*/) {
  state.refreshing = true;
}

void apply(RepositoryState& state, const RefreshFinished& event) {
  const Outcome& outcome = event.outcome;
  state.refreshing = false;
  state.covered = outcome.ticket;
  state.last_outcome = outcome;
  state.last_outcome->served.clear();  // can be thousands, and nobody asks for them here
  for (const Seconds time : announce_to_publish(outcome)) {
    state.announce_to_publish.observe(outcome.ended, time);
  }
  if (!outcome.checkouts.empty()) {
    state.checkouts = outcome.checkouts;
  }
  if (outcome.default_branch) {
    state.default_branch = outcome.default_branch;
  }
  if (outcome.cancelled) {
    return;
  }
  // A refresh can publish one checkout and fail at another.
  for (const CheckoutStatus& checkout : outcome.checkouts) {
    if (checkout.published_at && *checkout.published_at >= outcome.started) {
      state.last_change = checkout.published_at;
    }
  }
  if (outcome.error) {
    state.held = outcome.held;
    const bool goes_on = state.failure.has_value();
    state.failure = Failure{*outcome.error, goes_on ? state.failure->since : outcome.ended,
                            goes_on ? state.failure->attempts + 1 : 1};
    return;
  }
  state.failure.reset();
  state.held = false;
  state.last_success = outcome.ended;
  state.lagging = !outcome.lagging.empty();
  if (outcome.result == RefreshResult::updated) {
    state.last_change = outcome.ended;
  }
}

void apply(RepositoryState& state, const NextRefreshPlanned& event) {
  // One that was on its way when a person paused it counts no more.
  state.next_poll = state.paused_since ? std::nullopt : event.at;
}

void apply(RepositoryState& state, const DeliveryAccepted& event) {
  state.last_delivery = event.at;
}

void apply(RepositoryState& state, const DeliveryMissed& /*event*/) {
  ++state.missed_deliveries;
}

}  // namespace

std::string_view to_string(RepositoryCondition condition) {
  switch (condition) {
    case RepositoryCondition::pending:
      return "pending";
    case RepositoryCondition::refreshing:
      return "refreshing";
    case RepositoryCondition::ok:
      return "ok";
    case RepositoryCondition::lagging:
      return "lagging";
    case RepositoryCondition::failing:
      return "failing";
    case RepositoryCondition::held:
      return "held";
    case RepositoryCondition::paused:
      break;
  }
  return "paused";
}

RepositoryCondition RepositoryState::condition() const {
  if (paused_since) {
    return RepositoryCondition::paused;
  }
  if (held) {
    return RepositoryCondition::held;
  }
  // A repository that fails keeps saying so while it tries again.
  if (failure) {
    return RepositoryCondition::failing;
  }
  if (refreshing) {
    return RepositoryCondition::refreshing;
  }
  if (lagging) {
    return RepositoryCondition::lagging;
  }
  return last_success ? RepositoryCondition::ok : RepositoryCondition::pending;
}

RepositoryState reduce(RepositoryState state, const Event& event) {
  std::visit([&](const auto& happened) { apply(state, happened); }, event);
  return state;
}

const RepositoryName& repository_of(const Event& event) {
  return std::visit(
      [](const auto& happened) -> const RepositoryName& {
        if constexpr (requires { happened.outcome; }) {
          return happened.outcome.repository;
        } else {
          return happened.repository;
        }
      },
      event);
}

}  // namespace freshet::state
