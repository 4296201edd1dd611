#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/catalogue.h"
#include "base/mutex.h"
#include "base/secret_cache.h"
#include "metrics/meters.h"
#include "model/event.h"
#include "state/ledger.h"
#include "state/store.h"
#include "webhook/intake.h"

namespace freshet::app {

/// What webhook deliveries need of the world: secrets from their files, the catalogue's index, and
/// somebody to tell. Thread-safe.
class IntakeWorld : public webhook::Intake::World {
 public:
  IntakeWorld(CatalogueHolder& catalogue, const state::Store& store, metrics::Meters& meters,
              EventSink& events, state::Ledger& ledger);

  std::vector<std::string> secret_files(const std::optional<RepositoryName>& owner) override;
  Secret read_secret(const std::string& location) override;
  std::shared_ptr<const webhook::MatchIndex> repositories() override;
  std::optional<RefName> default_branch(const RepositoryName& repository) override;
  Instant now() override { return freshet::now(); }
  WallTime wall_now() override { return freshet::wall_now(); }
  void upstream_renamed(const RepositoryName& repository,
                        const std::vector<std::string>& urls) override;
  void delivery_seen(const webhook::DeliveryRecord& record) override;

  /// Called with the client of every authentic delivery, by many threads at once. Set before the
  /// first delivery.
  std::function<void(const std::string& client)> on_authentic;
  /// The same, with every delivery, as it goes into the ledger.
  std::function<void(const state::DeliveryEntry& entry)> on_delivery;

 private:
  void remember(const std::string& location, const std::string& problem) EXCLUDES(mutex_);

  CatalogueHolder& catalogue_;
  const state::Store& store_;
  metrics::Meters& meters_;
  EventSink& events_;
  state::Ledger& ledger_;
  SecretCache secrets_;
  Mutex mutex_;
  /// The last problem of each secret file, so that it is logged once and not once a delivery.
  std::map<std::string, std::string> problems_ GUARDED_BY(mutex_);
};

}  // namespace freshet::app
