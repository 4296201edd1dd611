#pragma once

#include "app/refresh_world.h"

namespace freshet::app {

/// Writes a log line for a fetch that takes long: the first after ten seconds, then one every ten.
ProgressObserver log_progress();

}  // namespace freshet::app
