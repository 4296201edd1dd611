#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "http/message.h"
#include "model/trigger.h"
#include "state/store.h"

namespace freshet::admin {

/// The admin listener's answers: they read snapshots and push triggers. Thread-safe; only a request
/// with `wait` blocks, and those are counted, so that the others always find a free worker.
class Api {
 public:
  Api(const state::Store& store, TriggerSink& triggers) : store_(store), triggers_(triggers) {}

  http::Response list() const;
  http::Response show(const RepositoryName& name) const;
  /// POST .../refresh, with the query's `wait`.
  http::Response refresh(const RepositoryName& name, const http::Request& request);
  http::Response refresh_all();

  /// Requests that may wait at once; one more gets 503.
  static constexpr int kMostWaiting = 32;

 private:
  http::Response wait_for(const RepositoryName& name, Ticket ticket, Duration patience);

  const state::Store& store_;
  TriggerSink& triggers_;
  std::atomic<int> waiting_{0};
};

/// Public listener: GET /healthz and /readyz.
http::Response health(bool scheduler_makes_progress);
http::Response readiness(const state::Store& store, const http::Request& request, WallTime now);

}  // namespace freshet::admin
