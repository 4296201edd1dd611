#pragma once

#include <string>

#include "base/result.h"
#include "checkout/blob_content.h"
#include "checkout/tree_diff.h"

namespace freshet::checkout {

/// Looks, before anything is written, whether the plan can be carried out in a tree in which people
/// have files of their own. Error conflict, naming the path: one of them stands where the plan puts
/// something, or a directory on the way is none any more. A file that is already what the plan
/// would write is no obstacle: its addition `replaces` it from then on.
Result<void> check_obstacles(const std::string& tree, TreePlan& plan, BlobReader& blobs);

}  // namespace freshet::checkout
