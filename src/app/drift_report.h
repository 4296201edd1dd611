#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "model/ids.h"

namespace freshet::app {

/// What a look through one published tree found.
struct DriftReport {
  RepositoryName repository;
  std::string path;  ///< of the checkout
  /// The tracked paths that somebody changed. Error: the tree could not be compared.
  Result<std::vector<std::string>> changed;
};

/// Compares every published tree with its commit, all content included; changes nothing. A daemon
/// may be at work. Checkouts that were never published are left out.
std::vector<DriftReport> look_for_drift(const config::Settings& settings);

}  // namespace freshet::app
