#pragma once

#include <string>

#include "state/store.h"

namespace freshet::service {

/// One line for the service manager: "12 repositories: 10 ok, 1 failing (docs: auth), 1 paused".
/// Pure.
std::string status_line(const state::Store::Snapshot& repositories);

}  // namespace freshet::service
