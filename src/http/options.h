#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>

#include "http/listener.h"
#include "http/memory_budget.h"
#include "http/request_head.h"

namespace freshet::http {

/// The limits of a server. All of them hold before anybody has shown a signature or token.
struct Options {
  ListenAddress listen;
  int backlog = 1024;  ///< connections that the kernel holds until they are accepted

  /// Threads that run the application. None of them ever waits for a client.
  std::size_t workers =
      std::clamp<std::size_t>(std::size_t{4} * std::thread::hardware_concurrency(), 8, 64);
  /// Requests that wait for a worker; more are answered 503.
  std::size_t max_waiting = 1024;
  /// Open at once; a further one takes the place of the one that has been silent longest.
  std::size_t max_connections = 4096;
  /// From one IPv4 address or IPv6 /64; 0: no limit. Unix peers are exempt, and whom `exempt`
  /// names.
  std::size_t connections_per_address = 0;
  std::function<bool(std::string_view address)> exempt;

  HeadLimits head;
  std::uint64_t max_body = std::uint64_t{26} * 1024 * 1024;  ///< bytes of one body
  /// Of all bodies together; can be shared by servers.
  std::shared_ptr<MemoryBudget> body_memory =
      std::make_shared<MemoryBudget>(std::size_t{256} * 1024 * 1024);

  std::chrono::milliseconds head_timeout{10'000};    ///< for a whole head
  std::chrono::milliseconds body_timeout{60'000};    ///< for a whole body
  std::chrono::milliseconds idle_timeout{30'000};    ///< between requests
  std::chrono::milliseconds answer_timeout{30'000};  ///< for the client to take the answer
  /// How long a small body is waited for before the application decides without it.
  std::chrono::milliseconds small_body_patience{100};
  /// After an early answer the rest of the request is thrown away for so long, up to so many bytes,
  /// so that the client reads the answer before it sees the connection end.
  std::chrono::milliseconds linger_timeout{1000};
  std::size_t linger_bytes = std::size_t{1024} * 1024;
  /// How long stop() lets requests finish that are being handled.
  std::chrono::milliseconds stop_grace{2000};
};

}  // namespace freshet::http
