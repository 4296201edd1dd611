#include "app/engine.h"

#include "app/reload_plan.h"
#include "app/specs.h"
#include "app/upstreams.h"
#include "base/files.h"
#include "base/log.h"
#include "base/quantity.h"
#include "mirror/git2.h"
#include "remote/ssh_command.h"
#include "schedule/announcements.h"

namespace freshet::app {
namespace {

void log_outcome(const Outcome& outcome) {
  const std::string took =
      format_duration(std::chrono::duration_cast<Duration>(outcome.ended - outcome.started));
  const std::string name = outcome.repository.text();
  if (outcome.cancelled) {
    log::info("refresh cancelled", {{"repository", name}});
  } else if (outcome.error) {
    log::warning("refresh failed", {{"repository", name},
                                    {"trigger", to_string(outcome.cause)},
                                    {"class", to_string(outcome.error->error_class)},
                                    {"error", outcome.error->message},
                                    {"took", took}});
  } else if (outcome.result == RefreshResult::updated) {
    log::info("refreshed",
              {{"repository", name}, {"trigger", to_string(outcome.cause)}, {"took", took}});
  } else {
    log::debug("nothing new", {{"repository", name}, {"trigger", to_string(outcome.cause)}});
  }
}

}  // namespace

StateDirectory::StateDirectory(FileLock lock, GitEnvironment git, std::string ssh_connections,
                               std::unique_ptr<remote::CurlClient> http)
    : lock_(std::move(lock)),
      git_(std::move(git)),
      ssh_connections_(std::move(ssh_connections)),
      http_(std::move(http)) {}

StateDirectory::~StateDirectory() {
  if (http_) {
    remote::end_shared_connections(ssh_connections_, git_);
  }
}

Result<StateDirectory> StateDirectory::take(const std::string& path) {
  FRESHET_CHECK(make_directories(path));
  FRESHET_TRY(FileLock lock, FileLock::acquire(StateLayout(path).lock));
  mirror::git2::initialize();
  FRESHET_TRY(GitEnvironment git, GitEnvironment::prepare(path));
  FRESHET_TRY(std::string ssh_connections, remote::make_control_directory(path));
  remote::CurlOptions options;
  options.user_agent += "/" FRESHET_VERSION;
  FRESHET_TRY(auto http, remote::CurlClient::start(options));
  return StateDirectory(std::move(lock), std::move(git), std::move(ssh_connections),
                        std::move(http));
}

RefreshWorld::RefreshWorld(const StateDirectory& state, CatalogueHolder& catalogue,
                           checkout::Sweeper& sweeper, Notifications& notifications,
                           ProgressObserver observer)
    : state_(state),
      catalogue_(catalogue),
      sweeper_(sweeper),
      notifications_(notifications),
      observer_(std::move(observer)) {}

std::shared_ptr<const sync::RepositorySpec> RefreshWorld::find(const RepositoryName& name) {
  return catalogue_.get()->find(name);
}

std::shared_ptr<remote::RemoteMemory> RefreshWorld::memory_of(const sync::RepositorySpec& spec) {
  const MutexLock lock(mutex_);
  Memory& memory = memories_[spec.name];
  if (!memory.memory || memory.url != spec.url.text()) {
    memory = {spec.url.text(), std::make_shared<remote::RemoteMemory>()};
  }
  return memory.memory;
}

std::shared_ptr<remote::Upstream> RefreshWorld::connect(const sync::RepositorySpec& spec) {
  return connect_upstream(spec,
                          {state_.git(), state_.http(), catalogue_.credentials(state_.http()),
                           state_.ssh_connections()},
                          memory_of(spec));
}

void RefreshWorld::progress(const RepositoryName& name, const remote::Progress& progress) {
  if (observer_) {
    observer_(name, progress);
  }
}

void RefreshWorld::published(const Publication& publication) {
  log::info("published", {{"repository", publication.repository.text()},
                          {"path", publication.path},
                          {"ref", publication.ref.text()},
                          {"commit", publication.new_commit.hex()}});
  notifications_.notifier().published(publication);
  const auto spec = find(publication.repository);
  if (!spec) {
    return;
  }
  for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
    if (checkout.path == publication.path) {
      sweeper_.watch(checkout, spec->mirror);
    }
  }
}

Result<std::unique_ptr<Engine>> Engine::create(config::Settings settings,
                                               ProgressObserver observer) {
  FRESHET_TRY(StateDirectory state, StateDirectory::take(settings.state_dir));
  FRESHET_TRY(auto journal, state::Journal::open(StateLayout(settings.state_dir).journal));
  std::unique_ptr<Engine> engine(
      new Engine(std::move(state), std::move(journal), std::move(settings), std::move(observer)));
  engine->follow_everything();
  return engine;
}

Engine::Engine(StateDirectory state, std::unique_ptr<state::Journal> journal,
               config::Settings settings, ProgressObserver observer)
    : state_(std::move(state)),
      journal_(std::move(journal)),
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
  report(added);
  notifications_.follow(catalogue, name);
  scheduler_.follow(scheduled(*catalogue.repositories.at(name)));
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
  if (settings.state_dir != before->settings.state_dir) {
    // The lock and the journal are in the old one.
    log::error("state_dir cannot change while freshet runs; restart it for that",
               {{"stays", before->settings.state_dir}});
    settings.state_dir = before->settings.state_dir;
  }
  scheduler_.change_limits(schedule_limits(settings));
  catalogue_.replace(std::move(settings));
  const auto after = catalogue_.get();
  notifications_.keep_only(*after);
  std::vector<std::pair<RepositoryName, std::vector<Announcement>>> removed;
  for (const auto& [name, spec] : before->specs) {
    if (after->specs.count(name) == 0) {
      removed.emplace_back(name, scheduler_.forget(name));
      for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
        sweeper_.forget(checkout.path);
      }
      report(RepositoryRemoved{name});
    }
  }
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

void Engine::report(const Event& event) {
  store_.report(event);
  meters_.report(event);
  if (const auto* finished = std::get_if<RefreshFinished>(&event)) {
    ledger_.record(finished->outcome);
    log_outcome(finished->outcome);
    if (finished->outcome.error && on_failure) {
      on_failure(finished->outcome.repository);
    }
  }
}

void Engine::settled(const std::vector<std::uint64_t>& journal_ids) {
  journal_->settle(journal_ids);
}

}  // namespace freshet::app
