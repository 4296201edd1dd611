#include "app/intake_world.h"

#include "base/log.h"

namespace freshet::app {

bool IntakeWorld::has_general_secrets() {
  return !catalogue_.get()->settings.webhook.secret_files.empty();
}

webhook::RouteSecrets IntakeWorld::secrets(const std::optional<RepositoryName>& owner) {
  webhook::RouteSecrets known;
  // Held while its list is walked: a reload exchanges it at any moment.
  const auto catalogue = catalogue_.get();
  for (const std::string& location : catalogue->secret_files(owner)) {
    auto secret = read_secret(location);
    remember(location, secret ? "" : secret.error().message);
    // An empty one never matches, and keeps the others at their places.
    known.locations.push_back(location);
    known.secrets.push_back(secret ? std::move(*secret) : Secret());
  }
  return known;
}

void IntakeWorld::remember(const std::string& location, const std::string& problem) {
  {
    const MutexLock lock(mutex_);
    std::string& last = problems_[location];
    if (last == problem) {
      return;
    }
    last = problem;
  }
  if (problem.empty()) {
    log::info("webhook secret readable again", {{"file", location}});
  } else {
    log::error("webhook secret not readable", {{"file", location}, {"error", problem}});
  }
}

std::shared_ptr<const webhook::MatchIndex> IntakeWorld::repositories() {
  return catalogue_.get()->index;
}

std::optional<RefName> IntakeWorld::default_branch(const RepositoryName& repository) {
  const auto state = store_.find(repository);
  return state ? state->default_branch : std::nullopt;
}

void IntakeWorld::upstream_renamed(const RepositoryName& repository,
                                   const std::vector<std::string>& urls) {
  catalogue_.learn(repository, urls);
}

void IntakeWorld::delivery_seen(const webhook::DeliveryRecord& record) {
  meters_.delivery(record.forge, to_string(record.verdict));
  if (on_authentic && record.verdict != webhook::Verdict::unauthorized) {
    on_authentic(record.client);
  }
  for (const auto& refreshed : record.refreshed) {
    events_.report(DeliveryAccepted{refreshed.repository, std::string(record.forge), record.at});
  }
}

}  // namespace freshet::app
