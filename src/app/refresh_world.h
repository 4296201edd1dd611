#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "app/catalogue.h"
#include "app/notifications.h"
#include "app/state_directory.h"
#include "base/mutex.h"
#include "checkout/sweeper.h"
#include "model/publication.h"
#include "remote/remote_memory.h"
#include "remote/upstream.h"
#include "sync/syncer.h"

namespace freshet::app {

/// Called with how far a fetch has come; any worker thread.
using ProgressObserver =
    std::function<void(const RepositoryName& name, const remote::Progress& progress)>;

/// What a refresh needs of the world, for the daemon and for one-shot commands.
class RefreshWorld : public sync::Syncer::World, public PublicationSink {
 public:
  RefreshWorld(const StateDirectory& state, CatalogueHolder& catalogue, checkout::Sweeper& sweeper,
               Notifications& notifications, ProgressObserver observer);

  std::shared_ptr<const sync::RepositorySpec> find(const RepositoryName& name) override;
  std::shared_ptr<remote::Upstream> connect(const sync::RepositorySpec& spec) override;
  const GitEnvironment& git() override { return state_.git(); }
  PublicationSink& publications() override { return *this; }
  PublicationGate* gate() override { return &notifications_.gate(); }
  void progress(const RepositoryName& name, const remote::Progress& progress) override;
  void published(const Publication& publication) override;

 private:
  std::shared_ptr<remote::RemoteMemory> memory_of(const sync::RepositorySpec& spec)
      EXCLUDES(mutex_);

  const StateDirectory& state_;
  CatalogueHolder& catalogue_;
  checkout::Sweeper& sweeper_;
  Notifications& notifications_;
  const ProgressObserver observer_;

  Mutex mutex_;
  struct Memory {
    std::string url;
    std::shared_ptr<remote::RemoteMemory> memory;
  };
  std::map<RepositoryName, Memory> memories_ GUARDED_BY(mutex_);
};

}  // namespace freshet::app
