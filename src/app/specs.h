#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "model/event.h"
#include "notify/action.h"
#include "notify/gatekeeper.h"
#include "remote/credentials.h"
#include "schedule/plan.h"
#include "sync/repository_spec.h"
#include "webhook/match.h"

namespace freshet::app {

// From the configuration to what each stage wants to know. Pure.

/// Where things lie below the state directory.
struct StateLayout {
  explicit StateLayout(const std::string& state_dir);
  std::string root;
  std::string lock;
  std::string mirrors;
  std::string journal;
  std::string notify;  ///< what actions were told of
  std::string gates;   ///< what gates refused
  std::string paused;  ///< which repositories a person has paused
  std::string ledger;  ///< what became of deliveries and refreshes
};

/// The mirror of an upstream, keyed by host and path: "mirrors/github.com/acme/docs.git". When
/// several repositories follow the same upstream, the later ones get a mirror of their own.
std::vector<std::shared_ptr<const sync::RepositorySpec>> repository_specs(
    const config::Settings& settings);

std::vector<remote::CredentialSpec> credential_specs(const config::Settings& settings);
schedule::Limits schedule_limits(const config::Settings& settings);
schedule::Followed scheduled(const config::Repository& repository);
std::vector<notify::Action> actions(const config::Repository& repository);
std::vector<notify::Gate> gates(const config::Repository& repository);
webhook::Followed matched(const config::Repository& repository);
RepositoryAdded announced(const sync::RepositorySpec& spec);

}  // namespace freshet::app
