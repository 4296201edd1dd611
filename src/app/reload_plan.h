#pragma once

#include "app/catalogue.h"

namespace freshet::app {

// What a new configuration changes for a repository that is in both. Pure.

/// Whether everything that a refresh of it goes by is the same but for how it signs in.
bool same_refresh(const Catalogue& before, const Catalogue& after, const RepositoryName& name);

/// Whether nothing that concerns it changed, credentials included: a reload leaves it alone.
bool untouched(const Catalogue& before, const Catalogue& after, const RepositoryName& name);

}  // namespace freshet::app
