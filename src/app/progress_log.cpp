#include "app/progress_log.h"

#include <map>
#include <memory>

#include "base/log.h"

namespace freshet::app {
namespace {

constexpr Duration kEvery{10'000};
/// Progress that is older than this belongs to an earlier fetch.
constexpr Duration kSameFetch{60'000};

/// When a repository's fetch was first and last spoken of. Thread-safe.
class Pacer {
 public:
  bool due(const RepositoryName& name) {
    const MutexLock lock(mutex_);
    const Instant time = now();
    const auto [position, added] = last_.try_emplace(name, Seen{time, time});
    Seen& seen = position->second;
    if (!added && time - seen.at > kSameFetch) {
      seen.logged = time;
    }
    seen.at = time;
    if (time - seen.logged < kEvery) {
      return false;
    }
    seen.logged = time;
    return true;
  }

 private:
  struct Seen {
    Instant at;
    Instant logged;
  };
  Mutex mutex_;
  std::map<RepositoryName, Seen> last_ GUARDED_BY(mutex_);
};

}  // namespace

ProgressObserver log_progress() {
  return [pacer = std::make_shared<Pacer>()](const RepositoryName& name,
                                             const remote::Progress& progress) {
    if (pacer->due(name)) {
      log::info("fetching", {{"repository", name.text()},
                             {"phase", progress.phase},
                             {"objects", static_cast<std::int64_t>(progress.objects)},
                             {"of", static_cast<std::int64_t>(progress.total_objects)}});
    }
  };
}

}  // namespace freshet::app
