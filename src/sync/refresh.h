#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/cancel.h"
#include "mirror/mirror.h"
#include "model/job.h"
#include "model/outcome.h"
#include "remote/upstream.h"
#include "sync/repository_spec.h"
#include "sync/syncer.h"

namespace freshet::sync {

/// One refresh under way: what its steps hand on to each other. Of the thread that runs it.
struct Refresh {
  const Job& job;
  const CancelToken& cancel;
  Syncer::World& world;
  std::shared_ptr<const RepositorySpec> spec;
  Outcome& outcome;
  std::shared_ptr<remote::Upstream> upstream;
  remote::Advertisement answer;  ///< the upstream's newest
  /// Objects that a fetch of this run made complete in the mirror.
  std::set<ObjectId> brought;
  std::map<RefName, ObjectId> earlier;  ///< the mirror's refs as they were
  std::map<RefName, ObjectId> tags;     ///< that came along with what was fetched
};

}  // namespace freshet::sync
