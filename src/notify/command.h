#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "model/publication.h"

namespace freshet::notify {

struct Command {
  std::vector<std::string> run;  ///< an argument vector, never a shell
  Duration timeout{};
  std::vector<std::string> environment;  ///< "NAME=value"; the FRESHET_ variables are added
};

/// Runs it in the publication's tree, in a process group of its own, with the document on standard
/// input. Error timeout: it was ended, with its group; conflict: cancelled, or it ended with
/// another status than 0 (the message has the last line of its error output); config: it cannot be
/// started. Blocks.
Result<void> run_command(const Command& command, const Publication& publication,
                         const std::string& document, const CancelToken& cancel);

}  // namespace freshet::notify
