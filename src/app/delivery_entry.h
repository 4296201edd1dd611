#pragma once

#include "state/ledger_entry.h"
#include "webhook/intake.h"

namespace freshet::app {

/// A delivery as the ledger keeps it. Quick: what it says becomes JSON only when it is written.
state::DeliveryEntry ledger_entry(const webhook::DeliveryRecord& record);

}  // namespace freshet::app
