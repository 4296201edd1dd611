#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "admin/repository_views.h"
#include "http/message.h"
#include "model/trigger.h"
#include "state/store.h"

namespace freshet::admin {

/// The admin listener's answers: they read snapshots and push triggers. Thread-safe; only a request
/// with `wait` blocks, and those are counted, so that the others always find a free worker.
class Api {
 public:
  /// What of the repository can be read at this moment, whether or not the refresh that published
  /// it has ended. Both may read the disk.
  struct Published {
    /// Whether the commit, or a descendant of it, is published.
    std::function<bool(const RepositoryName& name, const ObjectId& commit)> has;
    /// These as they are now; what is known of them otherwise stays.
    std::function<std::vector<CheckoutStatus>(std::vector<CheckoutStatus> known)> look_at;
  };

  /// Error not_found: no repository of that name.
  struct Switch {
    std::function<Result<void>(const RepositoryName& name)> pause;
    std::function<Result<void>(const RepositoryName& name)> resume;
  };

  Api(const state::Store& store, TriggerSink& triggers, Published published, RepositoryViews& views,
      Switch pausing)
      : store_(store),
        triggers_(triggers),
        published_(std::move(published)),
        views_(views),
        switch_(std::move(pausing)) {}

  http::Response list() const;
  http::Response show(const RepositoryName& name) const;
  /// POST .../refresh, with the query's `wait`.
  http::Response refresh(const RepositoryName& name, const http::Request& request);
  http::Response refresh_all();
  /// POST .../pause and .../resume
  http::Response pause(const RepositoryName& name);
  http::Response resume(const RepositoryName& name);
  /// POST .../ensure: 200 once the body's `commit` is published; else, at the end of its `wait`,
  /// 504.
  http::Response ensure(const RepositoryName& name, const http::Request& request);

  /// Requests that may wait at once; one more gets 503.
  static constexpr int kMostWaiting = 32;

 private:
  http::Response refused(const RepositoryName& name, const Error& error) const;
  static http::Response switched(const RepositoryName& name, const Result<void>& done,
                                 std::string_view status);
  http::Response wait_for(const RepositoryName& name, Ticket ticket, Duration patience);

  std::optional<http::Response> wait_published(const RepositoryName& name, const ObjectId& commit,
                                               Instant deadline);

  const state::Store& store_;
  TriggerSink& triggers_;
  const Published published_;
  RepositoryViews& views_;
  const Switch switch_;
  std::atomic<int> waiting_{0};
};

/// Public listener: GET /healthz and /readyz.
http::Response health(bool scheduler_makes_progress);
http::Response readiness(const state::Store& store, const http::Request& request, WallTime now);

}  // namespace freshet::admin
