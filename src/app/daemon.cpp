#include "app/daemon.h"

#include "app/progress_log.h"
#include "app/published_commits.h"
#include "app/reload_plan.h"
#include "app/replay.h"
#include "app/secret_uses.h"
#include "http/answer.h"
#include "webhook/decision.h"
#include "webhook/forge.h"

namespace freshet::app {
namespace {

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

Daemon::Daemon(std::unique_ptr<Engine> engine, const std::string& file)
    : engine_(std::move(engine)),
      configuration_(file),
      observation_(*engine_, configuration_),
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
      admin_router_(admin_routes(api_, deliveries_, events_, *engine_, observation_),
                    admin_guard(engine_->catalogue())) {
  engine_->on_failure = [this](const RepositoryName& name) { intake_.refresh_failed(name); };
  intake_world_.on_delivery = [this](const state::DeliveryEntry& entry) {
    engine_->store().changes().delivered(entry);
  };
  intake_world_.on_authentic = [this](const std::string& client) {
    rate_limiter_->give_back(http::client_network(client));
  };
}

Result<std::unique_ptr<Daemon>> Daemon::start(const config::Settings& settings,
                                              const std::string& file) {
  FRESHET_TRY(auto engine, Engine::create(settings, log_progress()));
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(engine), file));
  FRESHET_CHECK(daemon->listen(settings));
  return daemon;
}

Result<void> Daemon::listen(const config::Settings& settings) {
  // The sockets before the first refresh: a port in use shall cost nobody anything.
  FRESHET_TRY(admin_server_, http::Server::listen(admin_options(settings.admin), admin_router_));
  http::Options options = public_options(settings.server);
  options.rate_limiter = rate_limiter_;
  FRESHET_TRY(public_server_, http::Server::listen(std::move(options), public_router_));
  observation_.listening(*public_server_, *admin_server_);
  engine_->start();
  return {};
}

void Daemon::reload() {
  const bool successful = configuration_.reload(
      [](const config::Settings& settings) { return check_token(settings.admin); },
      [this](config::Settings settings) { return change(std::move(settings)); });
  engine_->meters().config_reloaded(successful, wall_now());
}

std::vector<std::string> Daemon::change(config::Settings settings) {
  auto problems = keep_what_cannot_change(settings, engine_->catalogue().get()->settings);
  public_server_->change(public_limits(settings.server));
  engine_->reload(std::move(settings));
  return problems;
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

}  // namespace freshet::app
