#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/publication.h"

namespace freshet::notify {

/// What happens after an update: a command, or a signed request. Exactly one of `run` and `post` is
/// set.
struct Action {
  std::vector<std::string> run;  ///< an argument vector
  std::string post;              ///< an http or https URL
  std::string secret_file;       ///< as read_secret takes it
  Duration timeout{};
  std::vector<std::string> paths;  ///< globs; empty: every change
  std::vector<std::string> refs;   ///< full refs, or prefixes ended by "*"; empty: every ref

  /// The same for the same action across restarts; another one when what it does or when it does
  /// it was changed in the configuration.
  std::string id() const;
  /// For log lines: the program, or the URL without what may be confidential in it.
  std::string label() const;
  bool wants(const RefName& ref) const;
  bool wants(const ChangedPaths& changed) const;
};

}  // namespace freshet::notify
