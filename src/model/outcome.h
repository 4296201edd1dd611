#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/trigger.h"

namespace freshet {

enum class CheckoutState { pending, ok, failing };
std::string_view to_string(CheckoutState state);

/// One published tree as a reader of the status sees it.
struct CheckoutStatus {
  std::string path;
  std::string ref;   ///< as configured; "HEAD": the upstream's default branch
  std::string mode;  ///< "atomic" or "in_place"
  std::optional<ObjectId> commit;
  std::optional<WallTime> published_at;
  CheckoutState state = CheckoutState::pending;
  /// What of the commit is published in another way than git would: a sentence each.
  std::vector<std::string> unsupported = {};
};

enum class RefreshResult { unchanged, updated, failed };
std::string_view to_string(RefreshResult result);

/// How one refresh ended.
struct Outcome {
  RepositoryName repository;
  Cause cause = Cause::poll;
  Ticket ticket = 0;
  RefreshNumber number = 0;  ///< 0: a probe, or a run without a scheduler
  RefreshResult result = RefreshResult::unchanged;
  std::optional<Error> error;  ///< set exactly when result is failed
  std::vector<CheckoutStatus> checkouts;
  /// What was announced but not served yet: the upstream still answered `before`.
  std::vector<Announcement> lagging;
  /// The upstream never showed what was announced, and is believed now: nobody waits any more.
  bool gave_up = false;
  /// What was announced and is published by this refresh or was before: the scheduler fills it in.
  std::vector<Announcement> served;
  std::optional<RefName> default_branch;  ///< the upstream's; nullopt: not known or detached
  bool fetched = false;                   ///< a pack was asked for
  std::uint64_t fetched_bytes = 0;        ///< of packs
  bool probe_only = false;                ///< a probe answered it, no worker ran
  bool held = false;       ///< failed because too many refs would go; a person has to agree
  bool asked = true;       ///< the upstream was tried; false: it failed before that
  bool cancelled = false;  ///< stopped by us; says nothing about the upstream
  WallTime started{};
  WallTime ended{};
};

}  // namespace freshet
