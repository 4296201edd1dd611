#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "remote/http_client.h"

namespace freshet::remote {

/// Where a request goes, as libcurl itself reads the URL: what is compared here is what is
/// connected to.
struct HttpAddress {
  std::string url;  ///< without user, password and fragment
  bool secure = false;
  std::string host;  ///< lower case
  std::string port;  ///< never empty

  /// "github.com", "127.0.0.1:8080": for people, as visible() has it, and cut where it is
  /// very long.
  std::string name() const;
  /// Requests with the same key can share connections.
  std::string key() const { return (secure ? "s:" : "p:") + host + ":" + port; }
};

/// Error config: no URL, another scheme than http and https, or a user or password in it.
Result<HttpAddress> parse_address(std::string_view url);

/// What to do about an answer with a status from 300 to 399.
struct Redirection {
  enum class Next { reply, follow } next = Next::reply;
  HttpAddress to;  ///< of follow
};

/// Applies the rules that HttpClient promises. `location` is the header as it came, perhaps
/// relative to `from`; `followed` counts the redirects before. Pure. Error protocol: one that must
/// not be followed.
Result<Redirection> judge_redirect(const HttpRequest& request, const HttpAddress& from, int status,
                                   std::string_view location, int followed);

}  // namespace freshet::remote
