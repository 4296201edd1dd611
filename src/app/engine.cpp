#include "app/engine.h"

#include <set>

#include "app/reload_plan.h"
#include "app/specs.h"
#include "base/log.h"
#include "base/quantity.h"
#include "schedule/announcements.h"

namespace freshet::app {
namespace {

void log_outcome(const Outcome& outcome) {
  const std::string took =
      format_duration(std::chrono::duration_cast<Duration>(outcome.ended - outcome.started));
  const std::string name = outcome.repository.text();
  const std::string id = outcome.number == 0 ? "" : refresh_id(outcome.number);
  if (outcome.cancelled) {
    log::info("refresh cancelled", {{"repository", name}, {"refresh", id}});
  } else if (outcome.error) {
    log::warning("refresh failed", {{"repository", name},
                                    {"refresh", id},
                                    {"trigger", to_string(outcome.cause)},
                                    {"class", to_string(outcome.error->error_class)},
                                    {"error", outcome.error->message},
                                    {"took", took}});
  } else if (outcome.result == RefreshResult::updated) {
    log::info("refreshed", {{"repository", name},
                            {"refresh", id},
                            {"trigger", to_string(outcome.cause)},
                            {"took", took}});
  } else {
    const bool asked_for = outcome.cause == Cause::delivery || outcome.cause == Cause::manual;
    log::write(asked_for ? log::Level::info : log::Level::debug, "nothing new",
               {{"repository", name},
                {"refresh", id},
                {"trigger", to_string(outcome.cause)},
                {"took", took}});
  }
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(config::Settings settings,
                                               ProgressObserver observer) {
  FRESHET_TRY(StateDirectory state, StateDirectory::take(settings.state_dir));
  FRESHET_TRY(auto journal, state::Journal::open(StateLayout(settings.state_dir).journal));
  FRESHET_TRY(auto pauses, state::Pauses::open(StateLayout(settings.state_dir).paused));
  std::unique_ptr<Engine> engine(new Engine(std::move(state), std::move(journal), std::move(pauses),
                                            std::move(settings), std::move(observer)));
  engine->follow_everything();
  return engine;
}

Engine::Engine(StateDirectory state, std::unique_ptr<state::Journal> journal,
               std::unique_ptr<state::Pauses> pauses, config::Settings settings,
               ProgressObserver observer)
    : state_(std::move(state)),
      journal_(std::move(journal)),
      pauses_(std::move(pauses)),
      ledger_(StateLayout(settings.state_dir).ledger),
      catalogue_(std::move(settings)),
      notifications_(catalogue_, state_.http()),
      refresh_world_(state_, catalogue_, sweeper_, notifications_, std::move(observer)),
      syncer_(refresh_world_),
      scheduler_(schedule_limits(catalogue_.get()->settings), *this) {}

Engine::~Engine() {
  stop();
}

void Engine::follow(const Catalogue& catalogue, const RepositoryName& name) {
  const sync::RepositorySpec& spec = *catalogue.specs.at(name);
  RepositoryAdded added = announced(spec);
  added.last_delivery = ledger_.last_delivery(name);
  schedule::Followed followed = scheduled(*catalogue.repositories.at(name));
  notifications_.follow(catalogue, name);
  {
    const MutexLock lock(pausing_);
    added.paused_since = pauses_->since(name);
    followed.paused = added.paused_since.has_value();
    report(added);
    scheduler_.follow(followed);
  }
  for (const checkout::CheckoutSpec& checkout : spec.checkouts) {
    sweeper_.watch(checkout, spec.mirror);
  }
}

void Engine::follow_everything() {
  const auto catalogue = catalogue_.get();
  for (const auto& [name, spec] : catalogue->specs) {
    follow(*catalogue, name);
  }
  // What the last process promised with a 202 and did not see served.
  std::vector<std::uint64_t> unknown;
  for (const state::Journal::Entry& entry : journal_->announced()) {
    if (!scheduler_.accept({entry.repository, Cause::delivery, {entry.announcement}, ""})) {
      unknown.push_back(entry.announcement.journal_id);
    }
  }
  journal_->settle(unknown);
}

void Engine::start() {
  sweeper_.start();
  notifications_.notifier().start();
  scheduler_.start();
}

void Engine::stop() {
  scheduler_.stop();
  notifications_.notifier().stop();
  sweeper_.stop();
}

void Engine::reload(config::Settings settings) {
  const auto before = catalogue_.get();
  scheduler_.change_limits(schedule_limits(settings));
  catalogue_.replace(std::move(settings));
  const auto after = catalogue_.get();
  notifications_.keep_only(*after);
  std::vector<std::pair<RepositoryName, std::vector<Announcement>>> removed;
  for (const auto& [name, spec] : before->specs) {
    if (after->specs.count(name) == 0) {
      removed.emplace_back(name, scheduler_.forget(name));
      report(RepositoryRemoved{name});
    }
  }
  forget_checkouts(*before, *after);
  for (const auto& [name, spec] : after->specs) {
    if (!untouched(*before, *after, name)) {
      follow(*after, name);
      // What changed in it shall show at once.
      static_cast<void>(scheduler_.accept({name, Cause::start, {}, ""}));
    }
  }
  for (const auto& [name, open] : removed) {
    hand_over(*before->specs.at(name), open, *before, *after);
  }
}

/// What nothing is published at any more is its owner's again.
void Engine::forget_checkouts(const Catalogue& before, const Catalogue& after) {
  std::set<std::string> published;
  for (const auto& [name, spec] : after.specs) {
    for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
      published.insert(checkout.path);
    }
  }
  for (const auto& [name, spec] : before.specs) {
    for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
      if (published.count(checkout.path) == 0) {
        sweeper_.forget(checkout.path);
      }
    }
  }
}

/// What was promised for a repository holds for whatever follows the same upstream by another name
/// now. A delivery for it is no duplicate when it comes again.
void Engine::hand_over(const sync::RepositorySpec& removed, const std::vector<Announcement>& open,
                       const Catalogue& before, const Catalogue& after) {
  bool is_written = true;
  for (const auto& [name, spec] : after.specs) {
    if (!open.empty() && spec->url == removed.url && before.specs.count(name) == 0) {
      is_written = accept({name, Cause::delivery, open, ""}).has_value() && is_written;
    }
  }
  if (is_written) {  // else nothing stands for them yet
    journal_->settle(schedule::journal_ids(open));
  }
  if (on_failure) {
    on_failure(removed.name);
  }
}

Result<Receipt> Engine::accept(const Trigger& trigger) {
  Trigger durable = trigger;
  FRESHET_CHECK(journal_->append(durable.repository, durable.announcements));
  auto receipt = scheduler_.accept(durable);
  if (!receipt) {
    journal_->settle(schedule::journal_ids(durable.announcements));
  }
  return receipt;
}

Result<void> Engine::pause(const RepositoryName& name) {
  const MutexLock lock(pausing_);
  if (!store_.find(name)) {
    return fail(ErrorClass::not_found, "no repository is called " + name.text());
  }
  FRESHET_TRY(const WallTime since, pauses_->pause(name, wall_now()));
  scheduler_.pause(name);
  report(RepositoryPaused{name, since});
  log::info("paused", {{"repository", name.text()}});
  return {};
}

Result<void> Engine::resume(const RepositoryName& name) {
  const MutexLock lock(pausing_);
  if (!store_.find(name)) {
    return fail(ErrorClass::not_found, "no repository is called " + name.text());
  }
  FRESHET_TRY(const bool was_paused, pauses_->resume(name));
  if (was_paused) {
    report(RepositoryPaused{name, std::nullopt});
    scheduler_.resume(name);
    log::info("resumed", {{"repository", name.text()}});
  }
  return {};
}

void Engine::report(const Event& event) {
  store_.report(event);
  meters_.report(event);
  if (const auto* refresh = std::get_if<RefreshFinished>(&event)) {
    finished(refresh->outcome);
  }
}

void Engine::finished(const Outcome& outcome) {
  ledger_.record(outcome);
  log_outcome(outcome);
  if (outcome.error && on_failure) {
    on_failure(outcome.repository);
  }
  // Who asks although nothing is new may have seen that the tree is not as it should be.
  if (outcome.cause == Cause::manual && outcome.result == RefreshResult::unchanged) {
    if (const auto spec = catalogue_.get()->find(outcome.repository)) {
      for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
        sweeper_.look_through(checkout, spec->mirror);
      }
    }
  }
}

void Engine::settled(const std::vector<std::uint64_t>& journal_ids) {
  journal_->settle(journal_ids);
}

}  // namespace freshet::app
