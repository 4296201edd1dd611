#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "mirror/mirror.h"
#include "model/ids.h"

namespace freshet::mirror {

// What an upstream takes back is not lost here: rewritten and deleted tips stay for a while under
// refs/freshet/lost/SECONDS/REF/ID, SECONDS being when they went and REF without "refs/". Pure.

constexpr std::chrono::hours kKeepLost{30 * 24};
constexpr const char* kLostPrefix = "refs/freshet/lost/";

/// Whether the first is reachable from the second.
using IsAncestor = std::function<Result<bool>(const ObjectId&, const ObjectId&)>;

/// The refs that keep what the changes would drop: old values that the new ones do not contain.
Result<std::map<RefName, ObjectId>> lost_tips(const std::map<RefName, ObjectId>& current,
                                              const RefChanges& changes,
                                              const IsAncestor& is_ancestor, WallTime now);

/// Those of the lost refs that keep what `ref` was.
std::vector<RefName> lost_of(const std::vector<RefName>& lost, const RefName& ref);

/// Those of the lost refs whose time is over.
std::vector<RefName> expired_lost(const std::vector<RefName>& lost, WallTime now);

/// Whether so many refs would go that a person has to agree: at least 10, and more than half.
bool loses_too_much(const std::map<RefName, ObjectId>& current,
                    const std::map<RefName, ObjectId>& wanted);

}  // namespace freshet::mirror
