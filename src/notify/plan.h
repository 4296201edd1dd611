#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "model/publication.h"
#include "notify/action.h"

namespace freshet::notify {

/// One try at telling an action of an update.
struct Task {
  Action action;
  Publication publication;  ///< its old commit is the one that the action was last told of
  std::string id;           ///< the same at every try
  int failures = 0;         ///< tries before this one
};

/// Decides which action is told of what, and when. Plain data: the time and chance are arguments.
/// Not synchronised.
///
/// For each action of a checkout at most one publication waits: a newer one takes its place, so
/// that it is told of everything since the commit it was last told of. The commands of a repository
/// run one after the other, in the order of the configuration; requests wait for nobody. What fails
/// is tried again with backoff, and does not hold the others up.
class Plan {
 public:
  using Key = std::pair<std::string, std::string>;  ///< the checkout's path, Action::id
  static Key key_of(const Task& task) { return {task.publication.path, task.action.id()}; }

  explicit Plan(Backoff backoff = {}) : backoff_(backoff) {}

  bool empty() const { return entries_.empty(); }
  /// An action that is configured, and the commit that it was told of last. Known already: only
  /// what it does is changed.
  void follow(const RepositoryName& repository, const std::string& path, const Action& action,
              const std::optional<ObjectId>& told);
  /// Everything else is forgotten, with what waits for it.
  void keep_only(const std::function<bool(const RepositoryName&, const Key&)>& is_configured);

  /// A tree is published: to be told to the followed actions of its path that want its ref. `id` is
  /// what receivers know repetitions by.
  void published(const Publication& publication, const std::string& id, Instant now);
  /// The same for a tree that was found published, for those that were told of another commit and
  /// for whom nothing waits or runs.
  void found(const Publication& publication, const std::string& id, Instant now);

  /// The try to begin now; it counts as running from here on.
  std::optional<Task> start_next(Instant now);
  /// The end of a running try. `chance` is uniform in [0, 1).
  void succeeded(const Task& task);
  void failed(const Task& task, const Error& error, Instant now, double chance);

  /// When start_next has something; max(): never, unless something is called.
  Instant wakes_at() const;

 private:
  struct Waiting {
    Publication publication;
    std::string id;
    int failures = 0;
    Instant due{};
  };
  struct Entry {
    RepositoryName repository;
    Action action;
    std::uint64_t order = 0;  ///< as they stand in the configuration
    std::optional<ObjectId> told;
    std::optional<Waiting> waiting;
    bool running = false;
    bool forgotten = false;  ///< goes when its try ends
  };

  using Entries = std::map<Key, Entry>;

  void wait(Entries::iterator position, Waiting waiting);
  std::optional<Waiting> take_waiting(Entries::iterator position);
  template <class Chosen>
  void wait_at(const Publication& publication, const std::string& id, Instant now, Chosen chosen);
  bool may_start(const Entry& entry) const;
  /// end(): it was forgotten meanwhile.
  Entries::iterator end(const Task& task);

  const Backoff backoff_;
  Entries entries_;
  /// Those that wait. What was due first comes first; of those that came together, the
  /// configuration's order counts.
  std::set<std::tuple<Instant, std::uint64_t, Key>> queue_;
  std::set<RepositoryName> busy_;  ///< a command of it runs
  std::uint64_t last_order_ = 0;
};

}  // namespace freshet::notify
