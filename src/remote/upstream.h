#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "remote/time_limits.h"

namespace freshet::remote {

/// Which refs to ask for: a full name, or "refs/heads/*" for everything below (one "*", at the
/// end).
struct RefPattern {
  std::string text;
  bool matches(const RefName& ref) const;
  bool operator==(const RefPattern&) const = default;
};

/// What the upstream answers for its refs at one moment.
struct Advertisement {
  std::map<RefName, ObjectId> refs;       ///< those that match a pattern, without "HEAD"
  std::optional<RefName> default_branch;  ///< what HEAD points to, when HEAD was asked for
  std::optional<ObjectId> head;           ///< nullopt: HEAD is unborn or was not asked for
};

/// How far a fetch has come. Totals are 0 while unknown.
struct Progress {
  std::string phase;  ///< "receiving", "resolving"
  std::uint64_t objects = 0;
  std::uint64_t total_objects = 0;
};

struct FetchRequest {
  std::string mirror;        ///< path of the bare repository that takes the objects
  int lock_descriptor = -1;  ///< of the mirror's lock; children hold it so that none outlives it
  /// Refs to bring, or an object without a ref: {RefName(), id}.
  struct Want {
    RefName ref;
    ObjectId id;
  };
  std::vector<Want> wants;
  int depth = 0;  ///< 0: full history
  TimeLimits limits;
  std::function<void(const Progress&)>
      on_progress;  ///< may be empty; called by the fetching thread
};

/// What arrived. The upstream may have moved on since its refs were listed: this is its newest
/// answer.
struct FetchReport {
  std::map<RefName, ObjectId> refs;
};

/// One remote repository, however it is reached. Used by one refresh at a time; no secret in
/// errors.
class Upstream {
 public:
  virtual ~Upstream() = default;

  /// Asks for the refs that match. Error classes: auth, not_found, network, timeout, rate_limited,
  /// protocol, conflict (cancelled).
  virtual Result<Advertisement> list_refs(const std::vector<RefPattern>& patterns,
                                          const TimeLimits& limits, const CancelToken& cancel) = 0;

  /// Brings objects. On success all of them are in the mirror, complete and connected, and no ref
  /// outside refs/freshet/incoming/ has moved. On failure the mirror's refs are as before.
  virtual Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) = 0;
};

}  // namespace freshet::remote
