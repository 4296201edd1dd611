#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/catalogue.h"
#include "app/notifications.h"
#include "app/refresh_world.h"
#include "app/state_directory.h"
#include "checkout/sweeper.h"
#include "metrics/meters.h"
#include "model/event.h"
#include "model/trigger.h"
#include "schedule/scheduler.h"
#include "state/journal.h"
#include "state/ledger.h"
#include "state/pauses.h"
#include "state/store.h"
#include "sync/syncer.h"

namespace freshet::app {

/// Everything that keeps repositories fresh, without any listener: the whole of `freshet mirror`,
/// and what `freshet serve` puts its listeners around. Members stand in construction order, each
/// below what it depends on.
class Engine : public TriggerSink, public EventSink, private schedule::Scheduler::World {
 public:
  /// Follows everything in the configuration: triggers are accepted from then on, and run once
  /// start() was called.
  static Result<std::unique_ptr<Engine>> create(config::Settings settings,
                                                ProgressObserver observer);
  ~Engine() override;

  void start();
  void stop();
  /// Takes another configuration: what is new or changed is followed and refreshed, what is gone is
  /// forgotten, the rest is left alone, and a refresh that runs for something that stays goes on.
  /// Requires the same state_dir.
  void reload(config::Settings settings);

  /// Writes what is announced to the journal before the scheduler gets it.
  Result<Receipt> accept(const Trigger& trigger) override;
  void report(const Event& event) override;

  /// Leaves a repository alone until it is resumed, whatever restarts, and what was announced
  /// meanwhile kept. Once or more. Error not_found: there is none of that name; others: that it is
  /// so cannot be written down, and nothing has changed.
  Result<void> pause(const RepositoryName& name) EXCLUDES(pausing_);
  Result<void> resume(const RepositoryName& name) EXCLUDES(pausing_);

  /// Called for every refresh that failed, after the store knows of it, and for every repository
  /// that is no longer followed. Set before start().
  std::function<void(const RepositoryName& name)> on_failure;

  CatalogueHolder& catalogue() { return catalogue_; }
  state::Store& store() { return store_; }
  metrics::Meters& meters() { return meters_; }
  state::Ledger& ledger() { return ledger_; }
  const schedule::Scheduler& scheduler() const { return scheduler_; }
  /// What upstream hosts still allow, by host.
  std::map<std::string, remote::RateLimit> rate_limits() const { return state_.rate_limits(); }
  /// Published files that somebody else changed and that were written anew.
  std::uint64_t files_repaired() const { return sweeper_.files_repaired(); }

 private:
  Engine(StateDirectory state, std::unique_ptr<state::Journal> journal,
         std::unique_ptr<state::Pauses> pauses, config::Settings settings,
         ProgressObserver observer);
  JobRunner& runner() override { return syncer_; }
  Prober* prober() override { return &syncer_; }
  EventSink& events() override { return *this; }
  void settled(const std::vector<std::uint64_t>& journal_ids) override;
  void finished(const Outcome& outcome);
  void follow_everything();
  void follow(const Catalogue& catalogue, const RepositoryName& name) EXCLUDES(pausing_);
  void forget_checkouts(const Catalogue& before, const Catalogue& after);
  void hand_over(const sync::RepositorySpec& removed, const std::vector<Announcement>& open,
                 const Catalogue& before, const Catalogue& after);

  StateDirectory state_;
  std::unique_ptr<state::Journal> journal_;
  std::unique_ptr<state::Pauses> pauses_;
  /// Held for the whole of a change, so that file, plan and state see changes in one order.
  Mutex pausing_;
  state::Ledger ledger_;
  CatalogueHolder catalogue_;
  state::Store store_;
  metrics::Meters meters_;
  checkout::Sweeper sweeper_;
  Notifications notifications_;
  RefreshWorld refresh_world_;
  sync::Syncer syncer_;
  schedule::Scheduler scheduler_;
};

}  // namespace freshet::app
