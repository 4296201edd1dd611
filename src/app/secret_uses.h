#pragma once

#include <string>
#include <vector>

#include "admin/views.h"
#include "app/catalogue.h"
#include "state/ledger.h"

namespace freshet::app {

/// The secret files of a repository's own route, or the general ones, and when each was last used.
std::vector<admin::SecretUse> secret_uses(const CatalogueHolder& holder,
                                          const state::Ledger& ledger, const RepositoryName& name);

}  // namespace freshet::app
