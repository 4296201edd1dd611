#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/views.h"
#include "base/mutex.h"
#include "state/store.h"

namespace freshet::admin {

/// The JSON of every repository as list and events show it, rendered once for each state however
/// many ask. Thread-safe.
class RepositoryViews {
 public:
  /// The secret files that deliveries for a repository may be signed with. Quick.
  using SecretsOf = std::function<std::vector<SecretUse>(const RepositoryName& name)>;

  explicit RepositoryViews(SecretsOf secrets_of) : secrets_of_(std::move(secrets_of)) {}

  std::shared_ptr<const std::string> of(const std::shared_ptr<const state::RepositoryState>& state)
      EXCLUDES(mutex_);
  /// {"repositories":[...]}. What is kept of others goes.
  std::string list(const state::Store::Snapshot& states) EXCLUDES(mutex_);

 private:
  struct Rendered {
    std::shared_ptr<const state::RepositoryState> state;
    std::vector<SecretUse> secrets;
    std::shared_ptr<const std::string> json;
  };
  void keep_only(const state::Store::Snapshot& states) EXCLUDES(mutex_);

  const SecretsOf secrets_of_;
  Mutex mutex_;
  std::map<RepositoryName, Rendered> rendered_ GUARDED_BY(mutex_);
};

}  // namespace freshet::admin
