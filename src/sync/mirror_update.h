#pragma once

#include "base/result.h"
#include "mirror/mirror.h"
#include "remote/upstream.h"
#include "sync/refresh.h"

namespace freshet::sync {

/// How long an upstream may take to say which refs it has.
remote::TimeLimits probe_limits(const RepositorySpec& spec);

/// Asks the upstream, brings what the mirror lacks into it, and moves its refs. Sets `answer`,
/// `earlier`, and of the outcome what was asked, fetched, held and updated. Error conflict: too
/// many refs would go; otherwise that of the upstream or the mirror, whose refs are as they were
/// then.
Result<void> bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror);

}  // namespace freshet::sync
