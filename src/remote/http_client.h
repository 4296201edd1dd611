#pragma once

#include <cstdint>
#include <chrono>
#include <functional>
#include <memory>
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

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https, without credentials
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Secret authorization;  ///< the whole value of the Authorization header; empty: none
  std::string ca_file;   ///< beside the system's certificates; empty: those alone
  std::uint64_t largest_answer = 64U << 20U;  ///< bytes collected in HttpReply::body
  /// Takes the body of a 2xx answer as it comes instead of collecting it; false ends the transfer.
  /// Called by the client's thread and must not block.
  std::function<bool(std::string_view bytes)> on_body;
};

struct HttpReply {
  int status = 0;
  std::string body;  ///< empty when on_body took it
  std::string content_type;
  std::optional<std::chrono::seconds> retry_after;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string final_url;  ///< behind redirects
};

/// Sends requests over connections that all users share. Redirects are followed within one host, and
/// to another host only when nothing confidential is sent: credentials never reach another host.
/// Errors: network (lookup, connection, TLS), timeout, conflict (cancelled), protocol (no HTTP, too
/// large); any status is a reply, not an error. Thread-safe.
class HttpClient {
 public:
  using Done = std::function<void(Result<HttpReply>)>;
  virtual ~HttpClient() = default;

  /// Blocks.
  virtual Result<HttpReply> send(const HttpRequest& request, const TimeLimits& limits,
                                 const CancelToken& cancel) = 0;
  /// Returns at once; `done` is called once, by the client's thread, and must not block.
  virtual void send_async(HttpRequest request, const TimeLimits& limits, const CancelToken& cancel,
                          Done done) = 0;
};

}  // namespace freshet::remote
