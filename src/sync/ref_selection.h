#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/trigger.h"
#include "remote/upstream.h"
#include "sync/repository_spec.h"

namespace freshet::sync {

// Which refs a refresh asks for and what it makes of the answer. Pure.

/// Where a checkout's tree comes from, by its configured text: "HEAD" is the upstream's default
/// branch, a full object id that commit, "refs/..." that ref, and anything else a branch or, when
/// there is none of that name, a tag.
struct RefChoice {
  bool default_branch = false;
  std::optional<ObjectId> commit;
  std::vector<RefName> candidates;  ///< the first that exists counts
};
RefChoice parse_ref_choice(const std::string& configured);

/// What to ask the upstream for: the followed patterns, what the checkouts need, and HEAD, so that
/// the mirror's own HEAD is right.
std::vector<remote::RefPattern> patterns_to_ask(const RepositorySpec& spec);

/// The refs that the mirror shall have, and what else must be in it.
struct Selection {
  std::map<RefName, ObjectId> refs;
  std::optional<RefName> head;  ///< what the mirror's HEAD shall point to
};
Selection select_refs(const RepositorySpec& spec, const remote::Advertisement& answer);

/// The ref that keeps an object in the mirror which no ref of the upstream is followed for.
RefName pin_of(const ObjectId& id);

/// The ref and object that a checkout shall show. Error not_found: the upstream has nothing of that
/// name.
struct Resolved {
  RefName ref;  ///< pin_of(id) for a commit
  ObjectId id;  ///< not peeled
};
Result<Resolved> resolve(const std::string& configured, const remote::Advertisement& answer);

/// The refs of a mirror that a refresh manages: all but tags that only came along with a fetch.
std::map<RefName, ObjectId> managed_refs(const RepositorySpec& spec,
                                         const std::map<RefName, ObjectId>& in_mirror);

/// The newest commits that deliveries announced for followed refs and the mirror's refs do not
/// have. Deliveries arrive in any order: the newest of a ref is what no other one calls `before`. A
/// ref of which several remain is left out, since the upstream alone knows which of them counts.
std::vector<ObjectId> announced_commits(const std::vector<Announcement>& announcements,
                                        const RepositorySpec& spec,
                                        const std::map<RefName, ObjectId>& current);

/// What to judge announcements by.
struct LagView {
  const RepositorySpec& spec;
  const std::map<RefName, ObjectId>& earlier;  ///< the mirror's refs before this refresh
  const remote::Advertisement& answer;
  /// Whether the upstream's ref was at a commit before, or beyond it. That the mirror holds it says
  /// less: it may have come with what was fetched ahead.
  std::function<bool(const RefName&, const ObjectId&)> was_at;
  WallTime now;
};

/// The announcements that the answer does not reflect yet. Those of one ref are taken as a chain,
/// oldest first. One is open while the upstream still says what it had `before`; while nothing of
/// it was ever seen here and the ref stays as it was; and, when it names no commit at all, for a
/// few seconds while the ref stays as it was. Anything else that the upstream says is the truth.
std::vector<Announcement> still_lagging(const std::vector<Announcement>& announcements,
                                        const LagView& view);

}  // namespace freshet::sync
