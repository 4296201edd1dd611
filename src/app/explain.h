#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "config/settings.h"

namespace freshet::app {

/// A saved delivery, and what the command line adds to it.
struct ExplainRequest {
  std::string content;               ///< of the file, as read_saved_request takes it
  std::string forge;                 ///< empty: found by path, headers and payload
  std::vector<std::string> headers;  ///< "K: V"; they count before those of the file
  std::string name;                  ///< of the route /FORGE/NAME; empty: by the file's path
};

/// What the delivery would do by this configuration, and why, without a daemon: {"forge", "event",
/// "event_guessed", "id", "route", "signature" ("right", "refused", "absent"), "signature_reason",
/// "secret", "unreadable_secrets", "changes":[{"ref","before","after"}],
/// "repositories":[{"name","refreshed","why"}], "status", "verdict", "reason"}. With an absent
/// signature verdict and status say what a right one would lead to. Reads the secret files and the
/// mirrors' default branches, nothing else. Error config: which argument is wrong.
Result<Json> explain(const config::Settings& settings, const ExplainRequest& request);

}  // namespace freshet::app
