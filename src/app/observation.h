#pragma once

#include <atomic>
#include <string>

#include "admin/overview.h"
#include "app/engine.h"
#include "http/server.h"
#include "service/configuration_file.h"

namespace freshet::app {

/// The daemon as people and their tools see it: metrics, and the overview of the API. Any thread.
class Observation {
 public:
  /// Both must outlive it.
  Observation(Engine& engine, const service::ConfigurationFile& configuration)
      : engine_(engine), configuration_(configuration) {}

  /// Until then nothing is known of the listeners. They must live while anybody asks.
  void listening(const http::Server& public_server, const http::Server& admin_server);

  /// Prometheus text, of the format 0.0.4.
  std::string metrics() const;
  admin::Overview overview() const;
  /// Whether the scheduler's thread and those of both listeners came round lately.
  bool makes_progress() const;

 private:
  Engine& engine_;
  const service::ConfigurationFile& configuration_;
  const WallTime started_ = wall_now();
  std::atomic<const http::Server*> public_server_{nullptr};
  std::atomic<const http::Server*> admin_server_{nullptr};
};

}  // namespace freshet::app
