#pragma once

#include <functional>
#include <string>

#include "service/config_watch.h"

namespace freshet::service {

/// What the main thread attends to. Members may be empty, but makes_progress.
struct Attended {
  /// Whether the service manager may believe that it is alive.
  std::function<bool()> makes_progress;
  /// One line for the service manager.
  std::function<std::string()> status;
  /// Reads the configuration anew, at SIGHUP. Empty: SIGHUP ends, as the other signals.
  std::function<void()> reload;
  /// Whether a change of the configuration's file means the same, at the moment.
  std::function<bool()> watches_file;
  std::string file;
  FileIdentity read;  ///< of the file, before it was read
};

/// Blocks SIGTERM, SIGINT and SIGHUP for the whole process, so that they can be waited for. Before
/// any thread.
void prepare_signals();

/// Until SIGTERM or SIGINT. Feeds the service manager's watchdog while there is progress and keeps
/// its status text current.
void run_until_end(const Attended& attended);

}  // namespace freshet::service
