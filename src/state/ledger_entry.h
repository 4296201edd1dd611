#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/outcome.h"
#include "model/trigger.h"

namespace freshet::state {

/// One webhook request and what became of it, on its way into the ledger.
struct DeliveryEntry {
  /// A repository whose refresh was triggered, and the ticket from which on one covers it.
  struct Refreshed {
    RepositoryName repository;
    Ticket ticket = 0;
  };
  WallTime at{};
  std::string forge;
  std::string event;
  std::string id;     ///< the forge's; empty: none
  std::string route;  ///< NAME of /FORGE/NAME; empty: the general route
  std::string verdict;
  std::string reason;
  std::string secret;  ///< location of the one that signed it
  std::string client;
  bool authentic = false;                    ///< anybody can send the others
  std::vector<RepositoryName> repositories;  ///< those it spoke of
  std::vector<Refreshed> refreshed;
  /// What it says, as JSON, for a replay. Called by the ledger's own thread; empty: not kept.
  std::function<std::string()> content;
  std::int64_t times = 1;  ///< how many requests this stands for
};

/// One refresh that did or found something.
struct RefreshEntry {
  RepositoryName repository;
  Ticket ticket = 0;
  std::string cause;
  std::string result;
  std::optional<Error> error;
  bool lagging = false;  ///< the upstream did not serve yet what was announced
  WallTime started{};
  WallTime ended{};
  std::optional<WallTime> published_at;  ///< when the change was to be seen; nullopt: no change
};

using LedgerEntry = std::variant<DeliveryEntry, RefreshEntry>;

/// nullopt: idle, or cancelled by us, and not worth a row. A start is worth one although it found
/// nothing: it is what the deliveries before it may have waited for.
std::optional<RefreshEntry> entry_of(const Outcome& outcome);

/// How much the ledger keeps. The oldest goes first.
struct LedgerLimits {
  std::chrono::hours age{7 * 24};
  std::int64_t deliveries = 200'000;  ///< authentic ones
  std::int64_t refusals = 10'000;     ///< rows of the others, which anybody can send
  std::int64_t refreshes = 200'000;
  std::int64_t bytes = 256 << 20;
  std::size_t content = 64 << 10;  ///< bytes of one delivery's; what is larger is not kept
};

/// Decides which refused deliveries get a row of their own: a few at once and some a minute. The
/// others are counted. Not synchronised.
class RefusalGate {
 public:
  static constexpr int kBurst = 10;
  static constexpr std::chrono::seconds kBetween{6};

  bool admits(Instant now);
  std::int64_t take_unlisted();  ///< how many were not admitted since the last call

 private:
  int tokens_ = kBurst;
  std::optional<Instant> refilled_;
  std::int64_t unlisted_ = 0;
};

}  // namespace freshet::state
