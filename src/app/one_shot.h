#pragma once

#include <string>
#include <vector>

#include "app/engine.h"

namespace freshet::app {

/// Refreshes the named repositories once each, as many at a time as the limits allow, in this
/// process; SIGINT and SIGTERM cancel. Outcomes in the order of the names. Error conflict, naming
/// the process: a daemon holds the state directory.
Result<std::vector<Outcome>> refresh_once(config::Settings settings,
                                          const std::vector<RepositoryName>& names,
                                          ProgressObserver observer);

/// The state directory of a run without a configuration: inside the directory that holds the trees
/// of the checkout at `path`. Error conflict: PATH, or that directory, is not freshet's.
Result<std::string> state_beside(const std::string& path);

}  // namespace freshet::app
