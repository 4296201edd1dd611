#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace freshet::app {

/// Where root asks about a service that runs as another user, what root may read and write says
/// nothing: this process goes on, for good, as the user to whom the state directory belongs, with
/// that user's groups and home. Returns the user's name; nullopt: nothing was changed, since this
/// is not root, there is no state directory yet, or root owns it. Before there are threads. Error
/// config: the system does not let it.
Result<std::optional<std::string>> become_service_user(const std::string& state_dir);

}  // namespace freshet::app
