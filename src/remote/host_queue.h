#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace freshet::remote {

/// How many requests are under way towards each host, and who is next: first come, first served.
/// Plain data of one thread.
class HostQueue {
 public:
  using Id = std::uint64_t;
  struct Host {
    std::size_t limit = 0;  ///< of those that run at once
    std::size_t running = 0;
    std::size_t waiting = 0;
    Instant last_sign{};  ///< of life, seen by any request to it
    std::deque<Id> line;  ///< may still hold requests that gave up
  };

  /// Stays where it is as long as somebody runs or waits there. `limit` is for a host that is new.
  Host& enter(const std::string& key, std::size_t limit);
  Host* find(const std::string& key);

  /// True: it may run. False: it waits until next() names it.
  bool start(Host& host, Id id);
  /// A running one has ended.
  void leave(Host& host) { --host.running; }
  /// A waiting one has ended.
  void give_up(Host& host) { --host.waiting; }
  /// Who runs now, if there is room; `alive` tells who still waits.
  template <class Alive>
  std::optional<Id> next(Host& host, Alive alive);
  /// Forgets the host when nobody is there.
  void tidy(const std::string& key);

 private:
  std::unordered_map<std::string, Host> hosts_;
};

inline HostQueue::Host& HostQueue::enter(const std::string& key, std::size_t limit) {
  const auto [place, is_new] = hosts_.try_emplace(key);
  if (is_new) {
    place->second.limit = limit;
  }
  return place->second;
}

inline HostQueue::Host* HostQueue::find(const std::string& key) {
  const auto found = hosts_.find(key);
  return found == hosts_.end() ? nullptr : &found->second;
}

inline bool HostQueue::start(Host& host, Id id) {
  if (host.running < host.limit && host.waiting == 0) {
    ++host.running;
    return true;
  }
  ++host.waiting;
  host.line.push_back(id);
  return false;
}

template <class Alive>
std::optional<HostQueue::Id> HostQueue::next(Host& host, Alive alive) {
  while (host.running < host.limit && !host.line.empty()) {
    const Id id = host.line.front();
    host.line.pop_front();
    if (alive(id)) {
      --host.waiting;
      ++host.running;
      return id;
    }
  }
  return std::nullopt;
}

inline void HostQueue::tidy(const std::string& key) {
  const auto found = hosts_.find(key);
  if (found != hosts_.end() && found->second.running == 0 && found->second.waiting == 0) {
    hosts_.erase(found);
  }
}

}  // namespace freshet::remote
