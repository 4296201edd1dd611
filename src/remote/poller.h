#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet::remote {

/// epoll(7) for descriptors of several kinds, and a way to wake it. Of one thread but for wake().
class Poller {
 public:
  enum class Kind : std::uint32_t { wake, shared_socket, own_socket, sink };
  struct Event {
    Kind kind;
    int descriptor;
    std::uint32_t events;  ///< EPOLLIN, ...
  };

  /// Error internal: the kernel gives no descriptors.
  static Result<Poller> create();

  /// Begins to watch, or watches for other events. False: this kind of file cannot be watched; it
  /// never blocks.
  bool watch(Kind kind, int descriptor, std::uint32_t events);
  void forget(int descriptor);  ///< fine when it is not watched

  /// What happened; empty when `until` came first. Valid until the next call. Swallows wakes.
  std::span<const Event> wait(Instant until);
  void wake() const;  ///< any thread

 private:
  Poller() = default;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::array<epoll_event, 256> raw_{};
  std::array<Event, 256> events_{};
};

}  // namespace freshet::remote
