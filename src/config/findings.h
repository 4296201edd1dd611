#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace freshet::config {

/// What is wrong with a value, or has to be said of it, that shows only outside the file: a program
/// that is not there, a file that cannot be read.
struct Finding {
  std::string key;      ///< of the setting, with its section: "repository.gate.run"
  std::string value;    ///< as it was read; of a list, the item
  std::string message;  ///< one sentence; no content of a file
};

/// Adds them to the diagnostics as warnings, in the order of the file: each at the first place
/// where its key has its value, that of a repository also in its checkouts and in [defaults]; or
/// for the file as a whole when none has.
void add_findings(Loaded& loaded, const std::string& file, const std::vector<Finding>& findings);

}  // namespace freshet::config
