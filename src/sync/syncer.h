#pragma once

#include <memory>

#include "mirror/mirror.h"
#include "model/job.h"
#include "model/publication.h"
#include "remote/upstream.h"
#include "sync/ref_selection.h"
#include "sync/repository_spec.h"

namespace freshet::sync {

/// One refresh from start to end: probe, fetch, move refs, publish. The same for the daemon and the
/// command line. Thread-safe; see JobRunner.
class Syncer : public JobRunner {
 public:
  /// What it needs of the world.
  class World {
   public:
    virtual ~World() = default;
    /// nullptr: no such repository.
    virtual std::shared_ptr<const RepositorySpec> find(const RepositoryName& name) = 0;
    virtual std::unique_ptr<remote::Upstream> connect(const RepositorySpec& spec) = 0;
    virtual const GitEnvironment& git() = 0;
    virtual PublicationSink& publications() = 0;
    virtual void progress(const RepositoryName& name, const remote::Progress& progress) = 0;
  };

  explicit Syncer(World& world) : world_(world) {}

  Outcome run(const Job& job, const CancelToken& cancel) override;

 private:
  struct Refresh;  ///< what one run carries along
  Result<void> refresh(Refresh& run);
  Result<void> bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror);
  Result<void> publish_checkouts(Refresh& run, const mirror::Mirror& mirror);
  Result<void> publish_one(Refresh& run, const mirror::Mirror& mirror,
                           const checkout::CheckoutSpec& checkout, CheckoutStatus& status);

  World& world_;
};

/// The state of a checkout as found on disk.
CheckoutStatus checkout_status(const checkout::CheckoutSpec& checkout);

}  // namespace freshet::sync
