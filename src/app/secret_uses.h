#pragma once

#include <string>
#include <vector>

#include "admin/views.h"
#include "app/catalogue.h"
#include "state/ledger.h"

namespace freshet::app {

/// What is wrong with the files of webhook secrets, a sentence each. Those that only the service
/// manager could hand out are passed over.
std::vector<std::string> unreadable_secrets(const config::Settings& settings);

/// The secret files of a repository's own route, or the general ones, and when each was last used.
std::vector<admin::SecretUse> secret_uses(const CatalogueHolder& holder,
                                          const state::Ledger& ledger, const RepositoryName& name);

}  // namespace freshet::app
