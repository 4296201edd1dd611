#pragma once

#include <memory>
#include <string>

#include "app/engine.h"
#include "app/listeners.h"
#include "app/service_manager.h"

namespace freshet::app {

/// `freshet serve`: the engine with both listeners around it. Members stand in construction order.
class Daemon {
 public:
  /// Listens and refreshes from then on.
  static Result<std::unique_ptr<Daemon>> start(const config::Settings& settings);
  ~Daemon();  ///< stops: deliveries first, then refreshes, then whoever waits for them

  Engine& engine() { return *engine_; }
  /// Takes another configuration: everything but the listeners' addresses and files.
  void reload(config::Settings settings);
  /// For people: how many repositories there are and where the listeners are.
  std::string summary() const;

 private:
  explicit Daemon(std::unique_ptr<Engine> engine);
  Result<void> listen(const config::Settings& settings);

  std::unique_ptr<Engine> engine_;
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

/// Blocks SIGTERM, SIGINT and SIGHUP for the whole process, so that they can be waited for. Before
/// any thread.
void prepare_signals();

/// What to do at SIGHUP; empty: end, as at the others.
using ReloadHandler = std::function<void()>;

/// Waits for SIGTERM or SIGINT; feeds the service manager's watchdog while the scheduler makes
/// progress, and calls `reload` at SIGHUP.
void wait_for_end(const schedule::Scheduler& scheduler, const ReloadHandler& reload);

}  // namespace freshet::app
