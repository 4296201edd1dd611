#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet {

/// Why a refresh runs.
enum class Cause { poll, retry, start, delivery, manual };
std::string_view to_string(Cause cause);

/// What a delivery said about one ref. It only says where to look: what is published is always what
/// the upstream itself answers. `before` lets a refresh see that the upstream has not caught up
/// with its own announcement yet.
struct Announcement {
  RefName ref;
  std::optional<ObjectId> before;  ///< nullopt: the ref is new, or the forge does not say
  std::optional<ObjectId> after;   ///< nullopt: the ref was deleted, or the forge does not say
  WallTime at{};
  std::uint64_t journal_id = 0;  ///< 0: not in the journal
  bool lagged = false;           ///< the upstream was asked since, and did not show it
  bool operator==(const Announcement&) const = default;
};

/// Asks for a refresh of one repository.
struct Trigger {
  RepositoryName repository;
  Cause cause = Cause::manual;
  std::vector<Announcement> announcements;
  std::string delivery;      ///< the forge's id of the delivery, may be empty
  bool accept_loss = false;  ///< a person agrees to a held mass deletion of refs
};

/// Counts triggers. A refresh that began after trigger N was accepted covers every ticket up to N.
using Ticket = std::uint64_t;

/// Counts the refreshes of a process: the one that waits for its turn has its number already, and
/// keeps it whatever joins it meanwhile. 0: none.
using RefreshNumber = std::uint64_t;
/// By which log lines name the refresh: the number, behind a text that no other process has.
std::string refresh_id(RefreshNumber number);

struct Receipt {
  Ticket ticket = 0;
  bool coalesced = false;     ///< a refresh was waiting already and will serve this trigger too
  RefreshNumber refresh = 0;  ///< that will serve it
};

/// Takes triggers from any thread without blocking on a refresh. Once accepted a trigger is never
/// lost while the process lives. Error not_found: no repository of that name.
class TriggerSink {
 public:
  virtual ~TriggerSink() = default;
  virtual Result<Receipt> accept(const Trigger& trigger) = 0;
};

}  // namespace freshet
