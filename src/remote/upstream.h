#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
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
  bool operator==(const Advertisement&) const = default;
  std::map<RefName, ObjectId> refs;       ///< those that match a pattern, without "HEAD"
  std::optional<RefName> default_branch;  ///< what HEAD points to, when HEAD was asked for
  std::optional<ObjectId> head;           ///< nullopt: HEAD is unborn or was not asked for
};

/// How far a fetch has come. Totals are 0 while unknown.
struct Progress {
  std::string phase;  ///< "counting", "compressing" (of the upstream), "receiving", "resolving"
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
  /// What the mirror has, as a hint of what need not come again: the old tips of the changed refs
  /// and some of their ancestors in growing steps, so that rewritten history costs little.
  std::vector<ObjectId> haves;
  int depth = 0;                    ///< 0: full history
  bool follow_tags = false;         ///< FetchReport::tags is asked for
  std::uint64_t largest_pack = 0;   ///< bytes (limits.fetch_size); 0: no limit
  std::uint64_t min_free_disk = 0;  ///< bytes that stay free while a pack arrives; 0: no limit
  std::uint64_t memory_limit = std::uint64_t{2} << 30U;  ///< bytes a child may ask for
  TimeLimits limits;
  /// Whether these objects and all that they lead to are in the mirror, now that the pack is; error
  /// corrupt when not. False, or empty: git is asked, by a child.
  std::function<Result<bool>(const std::vector<ObjectId>& tips)> check_connected;
  /// Those of the objects that the mirror has. Empty: asked of git, by a child.
  std::function<Result<std::set<ObjectId>>(const std::vector<ObjectId>& ids)> find_objects;
  /// May be empty. Called by one thread at a time, which need not be the caller's; must not block.
  std::function<void(const Progress&)> on_progress;
};

/// What arrived. The upstream may have moved on since its refs were listed: this is its newest
/// answer.
struct FetchReport {
  std::map<RefName, ObjectId> refs;
  /// With follow_tags: the upstream's tags whose objects the mirror now has.
  std::map<RefName, ObjectId> tags;
  std::uint64_t received_bytes = 0;  ///< of the pack; 0: unknown
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

  /// Whether list_refs_async needs no thread or process of its own. Then the upstream may also list
  /// and fetch at the same time.
  virtual bool lists_without_blocking() const { return false; }
  /// The same without blocking: `done` is called once, by any thread. Only where
  /// lists_without_blocking().
  virtual void list_refs_async(const std::vector<RefPattern>& patterns, const TimeLimits& limits,
                               const CancelToken& cancel,
                               std::function<void(Result<Advertisement>)> done) {
    const auto tell = std::move(done);
    tell(list_refs(patterns, limits, cancel));
  }

  /// Brings objects. On success all of them are in the mirror, complete and connected, and no ref
  /// outside refs/freshet/incoming/ has moved. On failure the mirror's refs are as before.
  virtual Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) = 0;
};

}  // namespace freshet::remote
