#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/outcome.h"

namespace freshet {

/// A repository is followed from now on (start or reload).
struct RepositoryAdded {
  RepositoryName repository;
  std::string url;
  std::vector<CheckoutStatus> checkouts;
  std::optional<WallTime> last_delivery = std::nullopt;  ///< as an earlier process left it
  std::optional<WallTime> paused_since = std::nullopt;
};

struct RepositoryRemoved {
  RepositoryName repository;
};

/// A person paused or resumed it.
struct RepositoryPaused {
  RepositoryName repository;
  std::optional<WallTime> since;  ///< nullopt: resumed
};

struct RefreshStarted {
  RepositoryName repository;
  Cause cause = Cause::poll;
  WallTime at{};
};

struct RefreshFinished {
  Outcome outcome;
};

/// When the next poll or retry is due; nullopt: only when triggered.
struct NextRefreshPlanned {
  RepositoryName repository;
  std::optional<WallTime> at;
};

/// An authentic delivery spoke of the repository.
struct DeliveryAccepted {
  RepositoryName repository;
  std::string forge;
  WallTime at{};
};

/// A poll found a change that no delivery announced, though deliveries used to arrive.
struct DeliveryMissed {
  RepositoryName repository;
};

/// What happened, as every stage reports it; the state folder alone makes sense of it.
using Event = std::variant<RepositoryAdded, RepositoryRemoved, RepositoryPaused, RefreshStarted,
                           RefreshFinished, NextRefreshPlanned, DeliveryAccepted, DeliveryMissed>;

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void report(const Event& event) = 0;  ///< any thread; quick
};

}  // namespace freshet
