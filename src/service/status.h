#pragma once

#include <string>

#include "state/store.h"

namespace freshet::app {

/// One line for the service manager: "12 repositories: 10 ok, 1 failing (docs: auth), 1 paused".
/// Pure.
std::string service_status(const state::Store::Snapshot& repositories);

}  // namespace freshet::app
