#include "app/secret_uses.h"

namespace freshet::app {

std::vector<admin::SecretUse> secret_uses(const CatalogueHolder& holder,
                                          const state::Ledger& ledger, const RepositoryName& name) {
  std::vector<admin::SecretUse> uses;
  // Held while its list is walked: a reload exchanges it at any moment.
  const auto catalogue = holder.get();
  for (const std::string& location : catalogue->secret_files(name)) {
    uses.push_back({location, ledger.last_use(location)});
  }
  return uses;
}

}  // namespace freshet::app
