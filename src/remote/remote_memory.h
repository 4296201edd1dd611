#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "remote/protocol_v2.h"

namespace freshet::remote {

/// What is known of one remote repository from one refresh to the next, so that a poll is a single
/// request. Belongs to the caller, who keeps it while the repository's URL stays the same.
/// Thread-safe.
class RemoteMemory {
 public:
  /// Where to post, and what the server can do.
  struct Server {
    std::string url;  ///< of the repository, behind redirects, without a slash at its end
    Capabilities capabilities;
  };

  /// nullopt: ask it.
  std::optional<Server> server() const EXCLUDES(mutex_);
  /// It speaks none but old versions. Believed for a day.
  bool speaks_old_only(Instant time) const EXCLUDES(mutex_);

  void learn(Server server) EXCLUDES(mutex_);
  void learn_old(Instant time) EXCLUDES(mutex_);
  /// Something did not fit.
  void forget() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::optional<Server> server_ GUARDED_BY(mutex_);
  std::optional<Instant> old_since_ GUARDED_BY(mutex_);
};

}  // namespace freshet::remote
