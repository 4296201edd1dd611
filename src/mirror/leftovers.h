#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "mirror/update_ref.h"

namespace freshet::mirror {

/// Removes what killed children and power failures leave in a mirror: stale *.lock files of git,
/// refs cut short, and packs that were never finished, which git itself would only remove after two
/// weeks, or never. Only under the
/// mirror's lock, when no child can be at work. Locks of linked trees stay for a minute, because
/// `git status` of a reader takes them rightly.
Result<void> remove_leftovers(const std::string& mirror, WallTime now);

/// Removes refs/freshet/incoming/: what a fetch brought and nobody took over. Under the lock.
Result<void> remove_incoming(const GitPlace& place);

}  // namespace freshet::mirror
