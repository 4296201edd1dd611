#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "config/settings.h"
#include "remote/credentials.h"
#include "sync/repository_spec.h"
#include "webhook/match.h"

namespace freshet::app {

/// The configuration in force, in the forms that the stages ask for. Immutable.
struct Catalogue {
  config::Settings settings;
  std::map<RepositoryName, std::shared_ptr<const sync::RepositorySpec>> specs;
  std::map<RepositoryName, const config::Repository*> repositories;  ///< into settings
  std::shared_ptr<const webhook::MatchIndex> index;

  std::shared_ptr<const sync::RepositorySpec> find(const RepositoryName& name) const;
  /// The secret files of a repository's own route, or the general ones.
  const std::vector<std::string>& secret_files(const std::optional<RepositoryName>& owner) const;
};

/// URLs that upstreams were renamed to, learnt from deliveries and kept in a file, by repository.
using LearntNames = std::map<RepositoryName, std::vector<std::string>>;

/// A repository whose refreshes go on as in `before` keeps its very spec: who holds it knows by the
/// pointer that nothing changed.
std::shared_ptr<const Catalogue> make_catalogue(config::Settings settings,
                                                const LearntNames& learnt,
                                                const Catalogue* before = nullptr);

/// Hands the catalogue out and exchanges it. Thread-safe.
class CatalogueHolder {
 public:
  /// Reads the learnt names below the state directory. A file that cannot be read is logged and
  /// passed over.
  explicit CatalogueHolder(config::Settings settings);

  std::shared_ptr<const Catalogue> get() const EXCLUDES(mutex_);
  void replace(config::Settings settings) EXCLUDES(mutex_);
  /// What the configuration in force signs in with. `api` must outlive it.
  std::shared_ptr<remote::Credentials> credentials(remote::HttpClient& api) EXCLUDES(mutex_);
  void learn(const RepositoryName& name, const std::vector<std::string>& urls) EXCLUDES(mutex_);

 private:
  const std::string file_;
  Mutex file_mutex_;
  mutable Mutex mutex_;
  LearntNames learnt_ GUARDED_BY(mutex_);
  std::shared_ptr<const Catalogue> catalogue_ GUARDED_BY(mutex_);
  std::shared_ptr<remote::Credentials> credentials_ GUARDED_BY(mutex_);  ///< made when asked for
};

}  // namespace freshet::app
