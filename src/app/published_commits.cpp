#include "app/published_commits.h"

#include <algorithm>

#include "checkout/slot_directory.h"
#include "mirror/history.h"

namespace freshet::app {

bool is_published(const Catalogue& catalogue, const RepositoryName& name, const ObjectId& commit) {
  const auto spec = catalogue.find(name);
  if (!spec) {
    return false;
  }
  if (spec->checkouts.empty()) {
    return mirror::any_ref_contains(spec->mirror, commit).value_or(false);
  }
  return std::any_of(spec->checkouts.begin(), spec->checkouts.end(), [&](const auto& checkout) {
    const auto current = checkout::read_current(checkout.path);
    return current && (current->commit == commit ||
                       mirror::contains(spec->mirror, current->commit, commit).value_or(false));
  });
}

std::vector<CheckoutStatus> as_published_now(std::vector<CheckoutStatus> checkouts) {
  for (CheckoutStatus& checkout : checkouts) {
    const auto current = checkout::read_current(checkout.path);
    if (current && checkout.commit != current->commit) {
      checkout.commit = current->commit;
      checkout.published_at = current->switched_at;
      checkout.state = CheckoutState::ok;
    }
  }
  return checkouts;
}

}  // namespace freshet::app
