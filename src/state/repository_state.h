#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/event.h"
#include "model/outcome.h"
#include "state/announce_to_publish.h"

namespace freshet::state {

enum class RepositoryCondition { pending, refreshing, ok, lagging, failing, held, paused };
inline constexpr std::array kRepositoryConditions{
    RepositoryCondition::pending, RepositoryCondition::refreshing, RepositoryCondition::ok,
    RepositoryCondition::lagging, RepositoryCondition::failing,    RepositoryCondition::held,
    RepositoryCondition::paused};
std::string_view to_string(RepositoryCondition condition);

/// The last failure, while it lasts.
struct Failure {
  Error error;
  WallTime since{};  ///< when the first of the failures in a row ended
  int attempts = 0;  ///< failures in a row
};

/// What is known of one repository, as status, API and page show it. A value.
struct RepositoryState {
  RepositoryName name;
  std::string url;
  bool refreshing = false;
  bool lagging = false;
  bool held = false;
  std::optional<WallTime> paused_since;
  std::optional<WallTime> last_success;
  std::optional<WallTime> last_change;
  std::optional<Failure> failure;
  std::optional<WallTime> next_poll;
  std::optional<WallTime> last_delivery;
  std::int64_t missed_deliveries = 0;
  RecentTimes announce_to_publish;
  std::vector<CheckoutStatus> checkouts;
  std::optional<RefName> default_branch;  ///< of the upstream, as last seen
  /// Every trigger up to this ticket is answered by `last_outcome`.
  Ticket covered = 0;
  std::optional<Outcome> last_outcome;

  RepositoryCondition condition() const;
  /// Refreshed once, or failed and says so, or not to be refreshed.
  bool settled() const { return last_success || failure || paused_since; }
};

/// The state after the event. Pure; the event speaks of this repository.
RepositoryState reduce(RepositoryState state, const Event& event);

/// The repository that an event speaks of.
const RepositoryName& repository_of(const Event& event);

}  // namespace freshet::state
