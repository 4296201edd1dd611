#include "state/repository_state.h"

namespace freshet::state {
namespace {

void apply(RepositoryState& state, const RepositoryAdded& event) {
  state.name = event.repository;
  state.url = event.url;
  state.checkouts = event.checkouts;
  if (!state.last_delivery) {
    state.last_delivery = event.last_delivery;
  }
}

void apply(RepositoryState& /*state*/, const RepositoryRemoved& /*event*/) {}

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
  state.next_poll = event.at;
}

void apply(RepositoryState& state, const DeliveryAccepted& event) {
  state.last_delivery = event.at;
}

void apply(RepositoryState& state, const DeliveryMissed& /*event*/) {
  ++state.missed_deliveries;
}

}  // namespace

std::string_view to_string(Condition condition) {
  switch (condition) {
    case Condition::pending:
      return "pending";
    case Condition::refreshing:
      return "refreshing";
    case Condition::ok:
      return "ok";
    case Condition::lagging:
      return "lagging";
    case Condition::failing:
      return "failing";
    case Condition::held:
      return "held";
    case Condition::paused:
      break;
  }
  return "paused";
}

Condition RepositoryState::condition() const {
  if (held) {
    return Condition::held;
  }
  // A repository that fails keeps saying so while it tries again.
  if (failure) {
    return Condition::failing;
  }
  if (refreshing) {
    return Condition::refreshing;
  }
  if (lagging) {
    return Condition::lagging;
  }
  return last_success ? Condition::ok : Condition::pending;
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
