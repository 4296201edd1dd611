#pragma once

#include "app/catalogue.h"

namespace freshet::app {

// What a new configuration changes for a repository that is in both. Pure.

/// Gives `settings` those values of `running` that cannot change while the daemon runs: where it
/// listens and where its state is. A sentence for each that is another one.
std::vector<std::string> keep_what_cannot_change(config::Settings& settings,
                                                 const config::Settings& running);

/// Whether everything that a refresh of it goes by is the same but for how it signs in.
bool same_refresh(const Catalogue& before, const Catalogue& after, const RepositoryName& name);

/// Whether nothing that concerns it changed, credentials included: a reload leaves it alone.
bool untouched(const Catalogue& before, const Catalogue& after, const RepositoryName& name);

}  // namespace freshet::app
