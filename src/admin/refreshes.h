#pragma once

#include "http/message.h"
#include "model/ids.h"
#include "state/ledger.h"
#include "state/store.h"

namespace freshet::admin {

/// GET .../repositories/NAME/refreshes, with the query's limit and before: the ledger's refreshes
/// of a repository that is followed. Blocks for reads of the ledger, which have a limit in time.
http::Response list_refreshes(const state::Store& store, state::Ledger& ledger,
                              const RepositoryName& name, const http::Request& request);

}  // namespace freshet::admin
