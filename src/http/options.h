#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/quantity.h"
#include "http/cidr.h"
#include "http/listener.h"
#include "http/memory_budget.h"
#include "http/rate_limiter.h"
#include "http/request_head.h"

namespace freshet::http {

/// What can change while a server runs; a request keeps what held when it began. All of it holds
/// before anybody has shown a signature or token.
struct Limits {
  std::uint64_t max_body = std::uint64_t{26} * 1024 * 1024;  ///< bytes of one body
  std::size_t body_memory = std::size_t{256} * 1024 * 1024;  ///< bytes of all bodies together
  /// From one IPv4 address or IPv6 /64; 0: no limit. Unix peers and trusted proxies are exempt.
  std::size_t connections_per_address = 0;
  Rate rate_limit;                ///< of one client; more are answered 429
  AddressRanges trusted_proxies;  ///< whose X-Forwarded-For counts
  /// Who is served; anybody else is answered 403. Empty: everybody. A client that is not known (a
  /// unix peer that names nobody) is served.
  AddressRanges allow;
};

/// PEM files, each a path or "credential:NAME".
struct TlsFiles {
  std::string certificate;  ///< the chain, the server's own first
  std::string key;
};

/// How a server is built.
struct Options {
  ListenAddress listen;
  int backlog = 1024;           ///< connections that the kernel holds until they are accepted
  std::optional<TlsFiles> tls;  ///< set: HTTPS

  /// Whole small requests are answered by the thread that moves bytes, without a hand-over to
  /// another one, for as long as the application proves quick: for one that waits for nobody.
  bool answer_at_once = false;
  /// Threads that run the application otherwise. None of them ever waits for a client.
  std::size_t workers =
      std::clamp<std::size_t>(std::size_t{4} * std::thread::hardware_concurrency(), 8, 64);
  /// Requests that wait for a worker; more are answered 503.
  std::size_t max_waiting = 1024;
  /// Open at once; a further one takes the place of one that has least to lose.
  std::size_t max_connections = 4096;
  /// A connection without a request is not idle before it is so old: its client has just come.
  std::chrono::milliseconds newcomer_time{2000};

  HeadLimits head;
  Limits limits;  ///< at the start
  /// Holds limits.body_memory bytes; to look at how much is used.
  std::shared_ptr<MemoryBudget> bodies = std::make_shared<MemoryBudget>(0);
  /// Counts for limits.rate_limit; whoever finds a request authentic gives its token back there.
  std::shared_ptr<RateLimiter> rate_limiter = std::make_shared<RateLimiter>();

  std::chrono::milliseconds head_timeout{10'000};    ///< for a TLS handshake; for a whole head
  std::chrono::milliseconds body_timeout{60'000};    ///< for a whole body
  std::chrono::milliseconds idle_timeout{30'000};    ///< between requests
  std::chrono::milliseconds answer_timeout{30'000};  ///< for the client to take the answer
  /// Between two looks for what an answer that goes on has next; for its client to take some of it.
  std::chrono::milliseconds stream_interval{250};
  std::chrono::milliseconds stream_timeout{60'000};
  /// How long a small body is waited for before the application decides without it.
  std::chrono::milliseconds small_body_patience{100};
  /// After an early answer the rest of the request is thrown away for so long, up to so many bytes,
  /// so that the client reads the answer before it sees the connection end: many look for an answer
  /// only when they have sent the whole body, and have none if the connection is reset before that.
  std::chrono::milliseconds linger_timeout{2000};
  std::size_t linger_bytes = std::size_t{32} * 1024 * 1024;
  /// How long stop() lets requests finish that are being handled.
  std::chrono::milliseconds stop_grace{2000};
};

}  // namespace freshet::http
