#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/git_environment.h"
#include "base/result.h"
#include "model/ids.h"
#include "remote/upstream.h"

/// Questions about a mirror that a fetch has when it is over, put to git children. For those who
/// cannot answer them themselves at a hundredth of the price.
namespace freshet::remote {

/// All that the tips lead to is there, down to what the mirror's refs lead to. `shallow_file`: in
/// place of the mirror's own; empty: that one. Error corrupt: something is missing.
Result<void> check_connected(const FetchRequest& request, const std::vector<ObjectId>& tips,
                             const std::string& shallow_file, const GitEnvironment& environment,
                             const CancelToken& cancel);

/// Those of the objects that are there.
Result<std::set<ObjectId>> find_objects(const FetchRequest& request,
                                        const std::vector<ObjectId>& ids,
                                        const GitEnvironment& environment,
                                        const CancelToken& cancel);

}  // namespace freshet::remote
