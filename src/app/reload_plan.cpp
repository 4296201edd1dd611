#include "app/reload_plan.h"

#include <algorithm>
#include <iterator>

#include "base/credential_match.h"

namespace freshet::app {
namespace {

/// The credentials that may be used for the upstream, in the order of the file.
std::vector<config::Credential> credentials_for(const config::Settings& settings,
                                                const UpstreamUrl& url) {
  std::vector<config::Credential> found;
  std::copy_if(settings.credentials.begin(), settings.credentials.end(), std::back_inserter(found),
               [&](const config::Credential& credential) {
                 const auto match = CredentialMatch::parse(credential.match);
                 return match && match->covers(url);
               });
  return found;
}

template <class T>
void keep(T& value, const T& running, std::string_view key, std::vector<std::string>& problems) {
  if (!(value == running)) {
    value = running;
    problems.push_back(std::string(key) + " cannot change while freshet runs; restart it for that");
  }
}

}  // namespace

std::vector<std::string> keep_what_cannot_change(config::Settings& settings,
                                                 const config::Settings& running) {
  std::vector<std::string> problems;
  // The lock and the journal are in the old one.
  keep(settings.state_dir, running.state_dir, "state_dir", problems);
  keep(settings.server.listen, running.server.listen, "server.listen", problems);
  keep(settings.server.tls_cert, running.server.tls_cert, "server.tls_cert", problems);
  keep(settings.server.tls_key, running.server.tls_key, "server.tls_key", problems);
  keep(settings.admin.listen, running.admin.listen, "admin.listen", problems);
  keep(settings.admin.socket_mode, running.admin.socket_mode, "admin.socket_mode", problems);
  if (!running.admin.listen.is_local() && settings.admin.token_file.empty()) {
    settings.admin.token_file = running.admin.token_file;
    problems.emplace_back(
        "admin.token_file stays: others than this machine can connect to the running listener");
  }
  return problems;
}

bool same_refresh(const Catalogue& before, const Catalogue& after, const RepositoryName& name) {
  const auto old_repository = before.repositories.find(name);
  const auto new_repository = after.repositories.find(name);
  if (old_repository == before.repositories.end() || new_repository == after.repositories.end()) {
    return false;
  }
  const sync::RepositorySpec& old_spec = *before.specs.at(name);
  const sync::RepositorySpec& new_spec = *after.specs.at(name);
  return *old_repository->second == *new_repository->second && old_spec.mirror == new_spec.mirror &&
         old_spec.largest_pack == new_spec.largest_pack &&
         old_spec.min_free_disk == new_spec.min_free_disk;
}

bool untouched(const Catalogue& before, const Catalogue& after, const RepositoryName& name) {
  const auto credentials = [&](const Catalogue& catalogue) {
    return credentials_for(catalogue.settings, catalogue.repositories.at(name)->url);
  };
  return same_refresh(before, after, name) && credentials(before) == credentials(after);
}

}  // namespace freshet::app
