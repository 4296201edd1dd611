#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkout/index_file.h"
#include "checkout/publisher.h"
#include "model/ids.h"

namespace freshet::checkout {

/// The tracked files with nothing said about the ones on disk, which somebody may have changed: git
/// compares their content when it is asked the next time.
Result<std::vector<IndexEntry>> unseen_entries(const std::string& mirror_path,
                                               const ObjectId& commit);

/// Brings the .git of a tree that is there in line with the configuration.
Result<void> adjust_git(const CheckoutSpec& spec, const std::string& mirror_path,
                        const std::string& tree, const ObjectId& commit);

}  // namespace freshet::checkout
