#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/application.h"
#include "http/options.h"

namespace freshet::http {

/// An HTTP/1.1 server, over TLS if its options say so. One thread accepts connections and moves all
/// bytes, for any number of slow clients; a request goes to one of the worker threads once its head
/// is there, and again, if the application wants the body, once that is there.
class Server {
 public:
  /// Listens and serves from then on. The application must outlive the server. Failure: conflict
  /// (the address is in use), config (it cannot be listened at, or certificate or key are not
  /// usable). With TLS: requires that the process ignores SIGPIPE.
  static Result<std::unique_ptr<Server>> listen(Options options, Application& application);

  /// stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "127.0.0.1:8480" or "unix:/path".
  const std::string& address() const;
  /// Open at this moment.
  std::size_t connections() const;

  /// Of the certificate in use; nullopt: plain HTTP is spoken.
  std::optional<WallTime> certificate_expires() const;

  /// When the thread that moves bytes last came round, which it does every 3 seconds or sooner.
  Instant last_round() const;
  /// Requests refused before the application had the whole of them, by reason.
  std::vector<std::pair<std::string_view, std::uint64_t>> refusals() const;

  /// Other limits from now on; requests that have begun keep theirs. Any thread.
  void change(Limits limits);

  /// Accepts nothing more, ends idle and slow connections, lets requests that are being handled
  /// finish for a short while, and returns when every thread has ended: not before the application
  /// has returned from each of its calls. Once or more; one thread at a time.
  void stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace freshet::http
