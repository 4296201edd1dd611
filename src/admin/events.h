#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "admin/views.h"
#include "http/message.h"
#include "state/store.h"

namespace freshet::admin {

/// GET .../events: what changes, as server-sent events. Each stream is a place in one shared
/// sequence (state/changes.h), so that nothing queues up for a reader that is slow; one that is
/// left too far behind is told to read anew. Thread-safe; must outlive the server that writes its
/// streams.
class Events {
 public:
  /// The repository as JSON, as the list has it. Quick.
  using View = std::function<std::shared_ptr<const std::string>(
      const std::shared_ptr<const state::RepositoryState>& state)>;

  Events(const state::Store& store, View view, std::string version);

  /// With the query's `repository`, and the field Last-Event-ID. 503: as many streams are open as
  /// may be.
  http::Response open(const http::Request& request);

  /// Ends all streams at their next look, now and later.
  void stop() { stopped_ = true; }

  static constexpr int kMostStreams = 32;

 private:
  class Stream;

  const state::Store& store_;
  const View view_;
  const std::string version_;
  const std::string run_;  ///< tells the numbers of this process from those of another
  std::atomic<bool> stopped_{false};
  std::atomic<int> streams_{0};
};

}  // namespace freshet::admin
