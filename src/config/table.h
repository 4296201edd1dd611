#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "config/settings.h"

namespace freshet::config {

/// A [[repository]] as it is written: what concerns the repository, and the shorthand's one
/// checkout in the same table.
struct RepositoryTable : Repository, Checkout {
  std::string default_ref;  ///< of [defaults], for each [[repository.checkout]]
};

/// A whole file as it is written, before the repositories are put together.
struct File : Settings {
  RepositoryTable defaults;
  std::vector<RepositoryTable> tables;
};

/// THE table of settings: parser, unknown keys, descriptions and built-in defaults come from it. A
/// new setting is a member in settings.h and a row in table.cpp. Any thread.
const Section<File>& file_section();

}  // namespace freshet::config
