#include "app/one_shot.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/log.h"
#include "checkout/drift.h"
#include "checkout/slot_directory.h"
#include "service/signal_watch.h"

namespace freshet::app {
namespace {

/// What the daemon's sweeper does.
void sweep_checkouts(const sync::RepositorySpec& spec, const Outcome& outcome,
                     const CancelToken& cancel) {
  for (const checkout::CheckoutSpec& checkout : spec.checkouts) {
    const bool is_due = checkout::drift_check_due(checkout, wall_now()) <= wall_now();
    if (is_due || outcome.result == RefreshResult::unchanged) {
      if (const auto mended = checkout::mend_drift(checkout, spec.mirror, cancel); !mended) {
        log::warning("the published tree is not as its commit",
                     {{"path", checkout.path}, {"error", mended.error().message}});
      }
    }
    if (const auto swept = checkout::sweep(checkout, spec.mirror); !swept) {
      log::warning("old trees not removed",
                   {{"path", checkout.path}, {"error", swept.error().message}});
    }
  }
}

}  // namespace

Result<Refreshed> refresh_once(config::Settings settings, const std::vector<RepositoryName>& names,
                               ProgressObserver observer) {
  FRESHET_TRY(const StateDirectory state, StateDirectory::take(settings.state_dir));
  const std::size_t at_once = std::min<std::size_t>(settings.limits.refreshes, names.size());
  CatalogueHolder catalogue(std::move(settings));
  checkout::Sweeper unused;  // never started: what is due is swept at the end
  Notifications notifications(catalogue, state.http());
  for (const RepositoryName& name : names) {
    notifications.follow(*catalogue.get(), name);
  }
  RefreshWorld world(state, catalogue, unused, notifications, std::move(observer));
  sync::Syncer syncer(world);
  const CancelToken cancel;
  const service::SignalWatch watch(cancel);

  Refreshed refreshed;
  std::vector<Outcome>& outcomes = refreshed.outcomes;
  outcomes.resize(names.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < names.size(); i = next++) {
      outcomes[i] = syncer.run({names[i], Cause::manual, 0, {}}, cancel);
      sweep_checkouts(*catalogue.get()->find(names[i]), outcomes[i], cancel);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < at_once; ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  refreshed.all_told = notifications.notifier().try_everything_once(cancel);
  return refreshed;
}

Result<std::string> state_beside(const std::string& path) {
  FRESHET_TRY(const auto slots, checkout::SlotDirectory::claim(path));
  return slots.layout().directory + "/state";
}

}  // namespace freshet::app
