#pragma once

#include <memory>
#include <string>

#include "app/engine.h"
#include "app/listeners.h"
#include "app/observation.h"

namespace freshet::app {

/// `freshet serve`: the engine with both listeners around it. Members stand in construction order.
class Daemon {
 public:
  /// Listens and refreshes from then on.
  static Result<std::unique_ptr<Daemon>> start(const config::Settings& settings,
                                               const std::string& file);
  ~Daemon();  ///< stops: deliveries first, then refreshes, then whoever waits for them

  Engine& engine() { return *engine_; }
  const Observation& observation() const { return observation_; }
  /// Reads the configuration's file anew and takes over everything but where it listens. One
  /// thread.
  void reload();
  const http::Router& public_router() const { return public_router_; }
  const http::Router& admin_router() const { return admin_router_; }
  /// For people: how many repositories there are and where the listeners are.
  std::string summary() const;

 private:
  Daemon(std::unique_ptr<Engine> engine, const std::string& file);
  Result<void> listen(const config::Settings& settings);
  std::vector<std::string> change(config::Settings settings);

  std::unique_ptr<Engine> engine_;
  service::ConfigurationFile configuration_;
  Observation observation_;
  IntakeWorld intake_world_;
  webhook::Intake intake_;
  admin::RepositoryViews views_;
  admin::Api api_;
  admin::Events events_;
  admin::Deliveries deliveries_;
  http::Router public_router_;
  http::Router admin_router_;
  const std::shared_ptr<http::RateLimiter> rate_limiter_ = std::make_shared<http::RateLimiter>();
  std::unique_ptr<http::Server> admin_server_;
  std::unique_ptr<http::Server> public_server_;
};

}  // namespace freshet::app
