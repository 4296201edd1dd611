#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace freshet::config {

/// What is wrong with a value, or has to be said of it, that shows only outside the file: a program
/// that is not there, a file that cannot be read.
struct Finding {
  std::string key;      ///< of the setting, with its section: "repository.gate.run"
  std::string value;    ///< as read, or an item of the list
  std::string message;  ///< one sentence; no content of a file
};

/// Adds them to the diagnostics as warnings, each at the first place where its key has its value,
/// or for the file as a whole when none has it in these very words.
void add_findings(Loaded& loaded, const std::string& file, const std::vector<Finding>& findings);

}  // namespace freshet::config
