#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/diagnostic.h"
#include "config/settings.h"

namespace freshet::config {

struct Loaded {
  std::optional<Settings> settings;     ///< set exactly when no diagnostic is an error
  std::vector<Diagnostic> diagnostics;  ///< everything that was found, in the order of the file
  /// What [admin] says, for those who ask a daemon that runs: also of a file with errors, as far as
  /// it can be read. nullopt: the file does not get that far, or cannot be read at all.
  std::optional<Admin> admin;
  std::string text = {};  ///< of the file, as far as it can be read
};

/// Reads and checks a file; nothing outside it is looked at (secret files are read at each use). A
/// file that cannot be read is one diagnostic with line 0. Any thread.
Loaded load_file(const std::string& path);

/// The same for a text; `file_name` stands in the diagnostics.
Loaded load_text(std::string_view text, const std::string& file_name);

/// What an empty file says.
Settings default_settings();

/// What a [[repository]] with nothing but url and path says, for a run without a file. Error (class
/// config): the path is not one to publish at, or the URL gives no usable name.
Result<Repository> default_repository(const UpstreamUrl& url, const std::string& path);

}  // namespace freshet::config
