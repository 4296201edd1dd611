#pragma once

#include <memory>
#include <unordered_map>

#include "base/mutex.h"
#include "mirror/mirror.h"
#include "model/job.h"
#include "model/publication.h"
#include "remote/upstream.h"
#include "sync/ref_selection.h"
#include "sync/repository_spec.h"

namespace freshet::sync {

/// One refresh from start to end: probe, fetch, move refs, publish; and the probe alone. The same
/// for the daemon and the command line. Thread-safe; see JobRunner and Prober.
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
  struct Refresh;  ///< what one run carries along
  /// What the last successful refresh saw and left.
  struct Seen {
    std::shared_ptr<const RepositorySpec> spec;
    remote::Advertisement answer;
    std::vector<CheckoutStatus> checkouts;
  };

  Result<void> refresh(Refresh& run);
  static void note_lag(Refresh& run, const mirror::Mirror& mirror);
  Result<void> refresh_in(Refresh& run, mirror::Mirror& mirror);
  Result<void> rebuild(Refresh& run, mirror::Mirror damaged);
  Result<void> bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror);
  Result<void> fetch(Refresh& run, mirror::Mirror& mirror,
                     std::vector<remote::FetchRequest::Want> wants, bool is_first);
  Result<void> move_refs(Refresh& run, mirror::Mirror& mirror, const Selection& selection,
                         const std::map<RefName, ObjectId>& current);
  Result<void> publish_checkouts(Refresh& run, const mirror::Mirror& mirror);
  Result<void> publish_one(Refresh& run, const mirror::Mirror& mirror,
                           const checkout::CheckoutSpec& checkout, CheckoutStatus& status);
  void take_care(Refresh& run, mirror::Mirror& mirror);
  void remember(const Refresh& run, bool succeeded) EXCLUDES(mutex_);

  World& world_;
  Mutex mutex_;
  std::unordered_map<RepositoryName, std::shared_ptr<const Seen>> seen_ GUARDED_BY(mutex_);
};

/// The state of a checkout as found on disk.
CheckoutStatus checkout_status(const checkout::CheckoutSpec& checkout);

}  // namespace freshet::sync
