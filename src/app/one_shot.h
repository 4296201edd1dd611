#pragma once

#include <string>
#include <vector>

#include "app/refresh_world.h"

namespace freshet::app {

struct Refreshed {
  std::vector<Outcome> outcomes;  ///< in the order of the names
  bool all_told = true;           ///< no action after an update failed
};

/// Refreshes the named repositories once each, as many at a time as the limits allow, in this
/// process, and tries each of their actions after an update once; SIGINT and SIGTERM cancel. Error
/// conflict, naming the process: a daemon holds the state directory.
Result<Refreshed> refresh_once(config::Settings settings, const std::vector<RepositoryName>& names,
                               ProgressObserver observer);

/// The state directory of a run without a configuration: inside the directory that holds the trees
/// of the checkout at `path`. Error conflict: PATH, or that directory, is not freshet's.
Result<std::string> state_beside(const std::string& path);

}  // namespace freshet::app
