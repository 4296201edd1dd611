#pragma once

#include <vector>

#include "app/catalogue.h"
#include "model/ids.h"
#include "model/outcome.h"

namespace freshet::app {

/// Whether some checkout of the repository shows the commit or a descendant of it; of a repository
/// without checkouts, whether a branch or tag of its mirror contains it. Reads the disk.
bool is_published(const Catalogue& catalogue, const RepositoryName& name, const ObjectId& commit);

/// The checkouts with the commits that readers see at this moment. Reads the disk.
std::vector<CheckoutStatus> as_published_now(std::vector<CheckoutStatus> checkouts);

}  // namespace freshet::app
