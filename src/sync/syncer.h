#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "base/git_environment.h"
#include "base/mutex.h"
#include "model/job.h"
#include "model/publication.h"
#include "remote/upstream.h"
#include "sync/repository_spec.h"

namespace freshet::sync {

struct Refresh;

/// One refresh from start to end: probe, fetch, move refs, publish; and the probe alone. The same
/// for the daemon and the command line. What a refresh does stands in `mirror_update` and
/// `publishing`. Thread-safe; see JobRunner and Prober.
class Syncer : public JobRunner, public Prober {
 public:
  /// What it needs of the world.
  class World {
   public:
    virtual ~World() = default;
    /// nullptr: no such repository.
    virtual std::shared_ptr<const RepositorySpec> find(const RepositoryName& name) = 0;
    virtual std::shared_ptr<remote::Upstream> connect(const RepositorySpec& spec) = 0;
    virtual const GitEnvironment& git() = 0;
    virtual PublicationSink& publications() = 0;
    /// nullptr: everything may be published.
    virtual PublicationGate* gate() { return nullptr; }
    virtual void progress(const RepositoryName& name, const remote::Progress& progress) = 0;
  };

  explicit Syncer(World& world) : world_(world) {}

  Outcome run(const Job& job, const CancelToken& cancel) override EXCLUDES(mutex_);
  void probe(const Job& job, const CancelToken& cancel,
             std::function<void(const ProbeAnswer&)> done) override EXCLUDES(mutex_);

 private:
  /// What the last successful refresh saw and left.
  struct Seen {
    std::shared_ptr<const RepositorySpec> spec;
    remote::Advertisement answer;
    std::vector<CheckoutStatus> checkouts;
  };

  void remember(const Refresh& run, bool succeeded) EXCLUDES(mutex_);

  World& world_;
  Mutex mutex_;
  std::unordered_map<RepositoryName, std::shared_ptr<const Seen>> seen_ GUARDED_BY(mutex_);
};

}  // namespace freshet::sync
