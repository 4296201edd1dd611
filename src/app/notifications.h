#pragma once

#include <string>
#include <vector>

#include "app/catalogue.h"
#include "notify/gatekeeper.h"
#include "notify/notifier.h"
#include "remote/http_client.h"

namespace freshet::app {

/// Gates before an update and actions after it, by the configuration in force. Thread-safe.
class Notifications : private notify::Gatekeeper::World, private notify::Notifier::World {
 public:
  /// Both must outlive it.
  Notifications(CatalogueHolder& catalogue, remote::HttpClient& http);

  PublicationGate& gate() { return gatekeeper_; }
  notify::Notifier& notifier() { return notifier_; }

  /// Takes over what is configured for a repository; who was not told yet of what is published is
  /// told.
  void follow(const Catalogue& catalogue, const RepositoryName& name);
  /// Forgets what is configured no more.
  void keep_only(const Catalogue& catalogue);

 private:
  std::vector<notify::Gate> gates_of(const RepositoryName& name) override;
  ChangedPaths changed_paths(const Publication& publication) override;
  const std::vector<std::string>& command_environment() override { return environment_; }
  Result<void> post(const notify::Notifier::Request& request, const CancelToken& cancel) override;
  Result<UniqueFd> hold(const std::string& tree) override;

  CatalogueHolder& catalogue_;
  remote::HttpClient& http_;
  const std::vector<std::string> environment_;
  notify::Gatekeeper gatekeeper_;
  notify::Notifier notifier_;
};

}  // namespace freshet::app
