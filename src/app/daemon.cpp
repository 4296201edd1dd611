#include "app/daemon.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "app/progress_log.h"
#include "app/published_commits.h"
#include "app/replay.h"
#include "app/secret_uses.h"
#include "base/log.h"
#include "http/answer.h"
#include "webhook/decision.h"
#include "webhook/forge.h"

namespace freshet::app {
namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, number);
  }
  return signals;
}

bool listeners_differ(const config::Settings& a, const config::Settings& b) {
  return a.server.listen.text() != b.server.listen.text() ||
         a.server.tls_cert != b.server.tls_cert || a.server.tls_key != b.server.tls_key ||
         a.admin.listen.text() != b.admin.listen.text() ||
         a.admin.socket_mode != b.admin.socket_mode;
}

timespec to_timespec(Duration duration) {
  timespec time{};
  time.tv_sec = duration.count() / 1000;
  time.tv_nsec = duration.count() % 1000 * 1'000'000;
  return time;
}

admin::Deliveries::Words words_of_deliveries() {
  admin::Deliveries::Words words;
  for (const webhook::Forge* forge : webhook::all_forges()) {
    words.forges.emplace_back(forge->name);
  }
  for (const webhook::Verdict verdict : webhook::kVerdicts) {
    words.verdicts.emplace_back(to_string(verdict));
  }
  return words;
}

}  // namespace

Daemon::Daemon(std::unique_ptr<Engine> engine)
    : engine_(std::move(engine)),
      intake_world_(engine_->catalogue(), engine_->store(), engine_->meters(), *engine_,
                    engine_->ledger()),
      intake_(intake_world_, *engine_, http::not_found_response()),
      views_([this](const RepositoryName& name) {
        return secret_uses(engine_->catalogue(), engine_->ledger(), name);
      }),
      api_(engine_->store(), *engine_,
           {[this](const RepositoryName& name, const ObjectId& commit) {
              return is_published(*engine_->catalogue().get(), name, commit);
            },
            as_published_now},
           views_,
           {[this](const RepositoryName& name) { return engine_->pause(name); },
            [this](const RepositoryName& name) { return engine_->resume(name); }}),
      events_(
          engine_->store(), [this](const auto& state) { return views_.of(state); },
          FRESHET_VERSION),
      deliveries_(engine_->ledger(), words_of_deliveries(),
                  [this](const state::DeliveryRow& delivery, const Json& content) {
                    return replay(intake_, delivery, content);
                  }),
      public_router_(public_routes(intake_, *engine_)),
      admin_router_(admin_routes(api_, deliveries_, events_, *engine_),
                    admin_guard(engine_->catalogue())) {
  engine_->on_failure = [this](const RepositoryName& name) { intake_.refresh_failed(name); };
  intake_world_.on_delivery = [this](const state::DeliveryEntry& entry) {
    engine_->store().changes().delivered(entry);
  };
  intake_world_.on_authentic = [this](const std::string& client) {
    rate_limiter_->give_back(http::client_network(client));
  };
}

Result<std::unique_ptr<Daemon>> Daemon::start(const config::Settings& settings) {
  FRESHET_TRY(auto engine, Engine::create(settings, log_progress()));
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(engine)));
  FRESHET_CHECK(daemon->listen(settings));
  return daemon;
}

Result<void> Daemon::listen(const config::Settings& settings) {
  // The sockets before the first refresh: a port in use shall cost nobody anything.
  FRESHET_TRY(admin_server_, http::Server::listen(admin_options(settings.admin), admin_router_));
  http::Options options = public_options(settings.server);
  options.rate_limiter = rate_limiter_;
  FRESHET_TRY(public_server_, http::Server::listen(std::move(options), public_router_));
  engine_->start();
  return {};
}

void Daemon::reload(config::Settings settings) {
  if (listeners_differ(settings, engine_->catalogue().get()->settings)) {
    log::warning("listeners cannot change while freshet runs; restart it for that");
  }
  public_server_->change(public_limits(settings.server));
  engine_->reload(std::move(settings));
}

Daemon::~Daemon() {
  events_.stop();
  if (public_server_) {
    public_server_->stop();
  }
  engine_->stop();
  engine_->store().stop_waiting();
  if (admin_server_) {
    admin_server_->stop();
  }
}

std::string Daemon::summary() const {
  return std::to_string(engine_->catalogue().get()->specs.size()) + " repositories, webhooks at " +
         public_server_->address() + ", admin at " + admin_server_->address();
}

void prepare_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void wait_for_end(const schedule::Scheduler& scheduler, const ReloadHandler& reload) {
  const ServiceManager manager;
  const sigset_t signals = awaited_signals();
  const Duration beat = ServiceManager::watchdog_interval().value_or(std::chrono::minutes(1));
  for (;;) {
    const timespec patience = to_timespec(std::max(beat, Duration(100)));
    const int number = sigtimedwait(&signals, nullptr, &patience);
    if (number == SIGHUP && reload) {
      reload();
    } else if (number > 0) {
      manager.stopping();
      return;
    }
    if (scheduler.makes_progress()) {
      manager.alive();
    } else {
      log::error("the scheduler makes no progress");
    }
  }
}

}  // namespace freshet::app
