#include "app/secret_uses.h"

#include <set>

#include "base/secret.h"

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

std::vector<std::string> unreadable_secrets(const config::Settings& settings) {
  std::set<std::string> locations(settings.webhook.secret_files.begin(),
                                  settings.webhook.secret_files.end());
  for (const config::Repository& repository : settings.repositories) {
    locations.insert(repository.webhook_secret_files.begin(),
                     repository.webhook_secret_files.end());
  }
  std::vector<std::string> problems;
  for (const std::string& location : locations) {
    if (const auto secret = read_secret(location); secret_path(location) && !secret) {
      problems.push_back(secret.error().message + ": nobody can sign with it");
    }
  }
  return problems;
}

}  // namespace freshet::app
