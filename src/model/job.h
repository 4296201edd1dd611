#pragma once

#include <functional>
#include <optional>
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
  bool accept_loss = false;
  RefreshNumber number = 0;
};

/// What a probe found.
struct ProbeAnswer {
  bool changed = false;        ///< a refresh has something to do, or has to say what is wrong
  std::optional<Error> error;  ///< the upstream could not be asked; then changed does not count
};

/// Asks upstreams, without a thread or process of its own for each, whether a refresh would find
/// anything.
class Prober {
 public:
  virtual ~Prober() = default;
  /// Returns at once. `done` is called once, by any thread, also when cancelled; it does not block.
  virtual void probe(const Job& job, const CancelToken& cancel,
                     std::function<void(const ProbeAnswer&)> done) = 0;
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
