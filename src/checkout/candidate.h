#pragma once

#include <string>

#include "base/cancel.h"
#include "checkout/publisher.h"
#include "model/ids.h"

namespace freshet::checkout {

/// Lets a commit be judged that shall be published in place, where nothing of it may be seen
/// before: in a whole tree of its own, without .git, which goes again. Errors: those of `check`,
/// and as write_tree(). Blocks.
Result<void> check_candidate(const CheckoutSpec& spec, const std::string& mirror_path,
                             const ObjectId& commit, const CancelToken& cancel,
                             const TreeCheck& check);

}  // namespace freshet::checkout
