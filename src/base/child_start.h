#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"

namespace freshet {

/// A child that runs, and the ends of its pipes that stay here.
struct StartedChild {
  pid_t pid = 0;
  UniqueFd input;
  UniqueFd output;
  UniqueFd error;
  UniqueFd lifeline;  ///< for the supervisor to hold
};

/// The first half of run_child(): starts it in a process group of its own, which ends when this
/// process dies: by a supervisor, or because its standard input does.
Result<StartedChild> start_child(const ChildSpec& spec);

}  // namespace freshet
