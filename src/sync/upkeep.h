#pragma once

#include "mirror/mirror.h"
#include "sync/refresh.h"

namespace freshet::sync {

// What keeps a mirror sound and small. A failure here is no failure of the refresh; what somebody
// could do something about is logged. Thread and lock: those of the refresh.

/// After everybody has been served: puts packs and refs together, forgets what was kept long
/// enough, and makes the weekly check when it is due. True: the check found the mirror damaged.
bool take_care(const Refresh& run, mirror::Mirror& mirror);

/// A linked tree whose files in the mirror are damaged would have the whole mirror count as
/// damaged, and a new one in its place, too.
void repair_linked_trees(const Refresh& run);

}  // namespace freshet::sync
