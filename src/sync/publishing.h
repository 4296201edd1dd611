#pragma once

#include "base/result.h"
#include "mirror/mirror.h"
#include "sync/refresh.h"

namespace freshet::sync {

/// The state of a checkout as found on disk.
CheckoutStatus checkout_status(const checkout::CheckoutSpec& checkout);

/// Publishes what the upstream answered at each of the repository's checkouts, lets gates judge
/// before, and says to the world what was published. One that fails keeps no other from its turn;
/// the first failure is returned. The outcome's checkouts, one for each, say how each ended.
Result<void> publish_checkouts(Refresh& run, const mirror::Mirror& mirror);

}  // namespace freshet::sync
