#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "remote/http_client.h"
#include "remote/rate_limits.h"

namespace freshet::remote {

class CurlLoop;

struct CurlOptions {
  /// Some forges answer git's requests only when this begins with "git/".
  std::string user_agent = "git/2.39.5 freshet";
  std::size_t requests_per_host = 100;                ///< at once; what is more waits its turn
  std::size_t connections_per_host = 16;              ///< HTTP/2 needs fewer
  std::size_t connections = 256;                      ///< in all; kept open for later requests
  Duration connect_limit = std::chrono::seconds(20);  ///< lookup, connection and TLS together
};

/// Sums since the start, but in_flight.
struct CurlCounters {
  std::uint64_t requests = 0;     ///< sent, redirects too
  std::uint64_t connections = 0;  ///< opened for them
  std::uint64_t in_flight = 0;    ///< waiting ones too
};

/// HttpClient over libcurl: one thread for everything, connections kept alive, HTTP/2 where a
/// server offers it over TLS, names and TLS sessions remembered, gzip. Requests with a BodySink are
/// counted and connected apart from the others. Proxies and certificates are taken from the
/// environment as curl and git do (http_proxy, https_proxy, all_proxy, no_proxy;
/// trusted_certificates.h). Thread-safe.
class CurlClient : public HttpClient {
 public:
  /// Error internal: no descriptors, or libcurl cannot start.
  static Result<std::unique_ptr<CurlClient>> start(const CurlOptions& options = {});
  ~CurlClient() override;  ///< stop()
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  Result<HttpReply> send(const HttpRequest& request, const TimeLimits& limits,
                         const CancelToken& cancel) override;
  void send_async(HttpRequest request, const TimeLimits& limits, const CancelToken& cancel,
                  Done done) override;

  /// Ends every request with conflict and the thread with them. For one thread, not from inside
  /// `done`.
  void stop();
  CurlCounters counters() const;
  /// By host, as in URLs ("forge.example", "forge.example:8443"), as far as answers say.
  std::map<std::string, RateLimit> rate_limits() const;

 private:
  explicit CurlClient(std::unique_ptr<CurlLoop> loop);

  std::unique_ptr<CurlLoop> loop_;
  std::thread thread_;
};

}  // namespace freshet::remote
