#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/secret.h"
#include "remote/time_limits.h"

namespace freshet::remote {

struct HttpReply {
  int status = 0;
  /// Of a 2xx answer all of it, of another the first 64 KiB. Empty when a BodySink took it.
  std::string body;
  std::string content_type;
  std::optional<std::chrono::seconds> retry_after;           ///< at most a day
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string final_url;                                     ///< behind redirects
};

/// Takes a body as it comes and can hold the upstream back. Called by the client's thread: nothing
/// here may block. The caller keeps it alive until `done` was called (send: until it returned).
class BodySink {
 public:
  enum class Take {
    more,  ///< go on
    wait,  ///< nothing more until descriptor() can be written to
    stop,  ///< end the transfer; `done` gets an error of class protocol
  };
  virtual ~BodySink() = default;

  /// Once, before the first byte, with status and headers. False: the body is collected in
  /// HttpReply::body instead, as that of an answer that is not 2xx always is.
  virtual bool accepts([[maybe_unused]] const HttpReply& head) { return true; }
  /// Takes all of `bytes` (at most 16 KiB), keeping what it cannot hand on at once, and then says
  /// `wait`. After `wait` it is called with no bytes when descriptor() can be written to, or is
  /// broken, to hand on what it kept. `done` tells of success only after the last `wait` was
  /// followed by `more`. While it waits, the clock of TimeLimits::silence stands still.
  virtual Take take(std::string_view bytes) = 0;
  /// What epoll(7) can watch: a pipe or socket that does not block. Looked at after `wait` only.
  virtual int descriptor() const = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https, without credentials
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Secret authorization;  ///< the whole value of the Authorization header; empty: none
  std::string ca_file;   ///< PEM, trusted beside the system's certificates; empty: those alone
  std::uint64_t largest_answer = 64U << 20U;  ///< bytes collected of a 2xx answer
  /// Takes the body of a 2xx answer instead of collecting it. Such a request asks for no
  /// compression and has a connection (HTTP/1.1, kept alive) to itself, so that it holds nobody
  /// else up.
  BodySink* body_to = nullptr;
};

/// Sends requests over connections that all users share. Redirects: at most 5, never from https to
/// http; to another host only when nothing confidential is sent (no `authorization`, and no header
/// but well-known harmless ones), so credentials never reach another host; and never from a host
/// with an address of the internet to another one with an address of this network
/// (internal_address.h), which is asked nothing then. Only GET and HEAD follow 301, 302 and 303;
/// other methods get such an answer as their reply, and follow 307 and 308 with their body. A
/// request that a kept connection lost before any byte of an answer came is sent anew, at most
/// twice: what must not arrive twice does not belong here. Errors: network (lookup, connection,
/// TLS, broken off), timeout, conflict (cancelled, stopped), protocol (no HTTP, too large, a
/// redirect that is not followed), config (a URL, header or ca_file that cannot be used). Any
/// status is a reply, not an error. Thread-safe.
class HttpClient {
 public:
  using Done = std::function<void(Result<HttpReply>)>;
  virtual ~HttpClient() = default;

  /// Blocks. Not from inside `done` or a BodySink.
  virtual Result<HttpReply> send(const HttpRequest& request, const TimeLimits& limits,
                                 const CancelToken& cancel) = 0;
  /// Returns at once; `done` is called once, by the client's thread, and must not block. Of a
  /// client that was stopped, it is called at once by the caller's thread.
  virtual void send_async(HttpRequest request, const TimeLimits& limits, const CancelToken& cancel,
                          Done done) = 0;
};

}  // namespace freshet::remote
