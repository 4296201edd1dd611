#include "app/intake_world.h"

#include "app/delivery_entry.h"
#include "base/log.h"
#include "webhook/forge.h"

namespace freshet::app {

IntakeWorld::IntakeWorld(CatalogueHolder& catalogue, const state::Store& store,
                         metrics::Meters& meters, EventSink& events, state::Ledger& ledger)
    : catalogue_(catalogue), store_(store), meters_(meters), events_(events), ledger_(ledger) {
  for (const webhook::Forge* forge : webhook::all_forges()) {
    for (const webhook::Verdict verdict : webhook::kVerdicts) {
      meters_.expect_delivery(forge->name, to_string(verdict));
    }
  }
}

std::vector<std::string> IntakeWorld::secret_files(const std::optional<RepositoryName>& owner) {
  return catalogue_.get()->secret_files(owner);
}

Secret IntakeWorld::read_secret(const std::string& location) {
  auto secret = secrets_.read(location);
  remember(location, secret ? "" : secret.error().message);
  return secret ? std::move(*secret) : Secret();
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
  state::DeliveryEntry entry = ledger_entry(record);
  if (on_delivery) {
    on_delivery(entry);
  }
  ledger_.record(std::move(entry));
  for (const auto& refreshed : record.refreshed) {
    events_.report(DeliveryAccepted{refreshed.repository, std::string(record.forge), record.at});
  }
}

}  // namespace freshet::app
