#include "app/refresh_world.h"

#include <utility>

#include "app/upstreams.h"
#include "base/log.h"

namespace freshet::app {

RefreshWorld::RefreshWorld(const StateDirectory& state, CatalogueHolder& catalogue,
                           checkout::Sweeper& sweeper, Notifications& notifications,
                           ProgressObserver observer)
    : state_(state),
      catalogue_(catalogue),
      sweeper_(sweeper),
      notifications_(notifications),
      observer_(std::move(observer)) {}

std::shared_ptr<const sync::RepositorySpec> RefreshWorld::find(const RepositoryName& name) {
  return catalogue_.get()->find(name);
}

std::shared_ptr<remote::RemoteMemory> RefreshWorld::memory_of(const sync::RepositorySpec& spec) {
  const MutexLock lock(mutex_);
  Memory& memory = memories_[spec.name];
  if (!memory.memory || memory.url != spec.url.text()) {
    memory = {spec.url.text(), std::make_shared<remote::RemoteMemory>()};
  }
  return memory.memory;
}

std::shared_ptr<remote::Upstream> RefreshWorld::connect(const sync::RepositorySpec& spec) {
  return connect_upstream(spec,
                          {state_.git(), state_.http(), catalogue_.credentials(state_.http()),
                           state_.ssh_connections()},
                          memory_of(spec));
}

void RefreshWorld::progress(const RepositoryName& name, const remote::Progress& progress) {
  if (observer_) {
    observer_(name, progress);
  }
}

void RefreshWorld::published(const Publication& publication) {
  log::info("published", {{"repository", publication.repository.text()},
                          {"refresh", refresh_id(publication.refresh)},
                          {"path", publication.path},
                          {"ref", publication.ref.text()},
                          {"commit", publication.new_commit.hex()}});
  notifications_.notifier().published(publication);
  const auto spec = find(publication.repository);
  if (!spec) {
    return;
  }
  for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
    if (checkout.path == publication.path) {
      sweeper_.watch(checkout, spec->mirror);
    }
  }
}

}  // namespace freshet::app
