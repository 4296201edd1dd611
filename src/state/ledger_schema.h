#pragma once

#include "base/result.h"
#include "state/sqlite.h"

namespace freshet::state {

/// Makes the ledger's tables in a new file and sets what a connection that writes needs. Its
/// version stands in PRAGMA user_version. Error protocol: a newer freshet made it, and nothing was
/// changed.
Result<void> prepare_schema(Database& database);

}  // namespace freshet::state
