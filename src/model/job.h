#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "model/ids.h"
#include "model/outcome.h"
#include "model/trigger.h"

namespace freshet {

/// One refresh to run now, the sum of all triggers that waited for it.
struct Job {
  RepositoryName repository;
  Cause cause = Cause::poll;  ///< the weightiest of the triggers' causes
  Ticket ticket = 0;          ///< covers every trigger up to this one
  std::vector<Announcement> announcements;
};

/// Runs refreshes: the shared syncer behind the scheduler and the command line.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  /// Blocks for the whole refresh; called by several threads at once, never twice at once for the
  /// same repository. A failure is an Outcome, not an exception.
  virtual Outcome run(const Job& job, const CancelToken& cancel) = 0;
};

}  // namespace freshet
