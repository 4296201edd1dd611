#pragma once

#include <string>

#include "base/result.h"

namespace freshet::mirror {

/// Removes what killed children leave in a mirror: stale *.lock files of git and packs that were
/// never finished, which git itself would only remove after two weeks, or never. Only under the
/// mirror's lock, when no child can be at work.
Result<void> remove_leftovers(const std::string& mirror);

}  // namespace freshet::mirror
