#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "model/publication.h"
#include "notify/action.h"
#include "notify/plan.h"
#include "notify/records.h"

namespace freshet::notify {

/// The plan's threads: tells actions of updates, a few at a time, and remembers on disk what each
/// was told of, so that a publication whose telling a crash prevented is told at the next start. A
/// failure is a warning in the log. Thread-safe.
class Notifier {
 public:
  /// A signed request as it leaves.
  struct Request {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Duration timeout{};
  };

  /// What it needs of the world.
  class World {
   public:
    virtual ~World() = default;
    virtual ChangedPaths changed_paths(const Publication& publication) = 0;
    virtual const std::vector<std::string>& command_environment() = 0;
    /// Sends a POST. Error: it had no answer of 2xx.
    virtual Result<void> post(const Request& request, const CancelToken& cancel) = 0;
    /// While the answer lives, the tree stays as it is.
    virtual Result<UniqueFd> hold(const std::string& tree) = 0;
  };

  /// `directory` holds what each action was told of.
  Notifier(World& world, std::string directory) : world_(world), told_(std::move(directory)) {}
  ~Notifier();  ///< stops
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// What is done after an update of the checkout at `path` from now on.
  void follow(const RepositoryName& repository, const std::string& path,
              const std::vector<Action>& actions) EXCLUDES(mutex_);
  /// What is published at a path, as found there after follow(): who was not told of it yet is
  /// told.
  void found(const Publication& publication) EXCLUDES(mutex_);
  /// After a change of the configuration: drops what waits for others than these.
  void keep_only(const std::function<bool(const RepositoryName&, const Plan::Key&)>& is_configured)
      EXCLUDES(mutex_);
  void published(const Publication& publication) EXCLUDES(mutex_);

  void start() EXCLUDES(mutex_);
  /// Ends running commands and requests; what they were to tell is told at the next start.
  void stop() EXCLUDES(mutex_);

  /// In place of start(): one try of everything that waits, by the calling thread. False: one of
  /// them failed.
  bool try_everything_once(const CancelToken& cancel) EXCLUDES(mutex_);

 private:
  void start_workers() REQUIRES(mutex_);
  void run() EXCLUDES(mutex_);
  std::optional<Task> wait_for_task() EXCLUDES(mutex_);
  bool carry_out(const Task& task, const CancelToken& cancel) EXCLUDES(mutex_);
  Result<void> tell(const Task& task, const CancelToken& cancel);
  Result<void> post(const Task& task, const std::string& document, const CancelToken& cancel);

  World& world_;
  const Records told_;
  const CancelToken stop_;

  Mutex mutex_;
  Condition changed_;
  Plan plan_ GUARDED_BY(mutex_);
  bool started_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_ GUARDED_BY(mutex_);
};

}  // namespace freshet::notify
