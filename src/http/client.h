#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/message.h"

namespace freshet::http {

/// Where a server listens: "HOST:PORT" or "unix:/path".
struct ClientOptions {
  std::string address;
  Secret bearer;        ///< empty: none
  Duration patience{};  ///< for the answer
};

/// One request to a freshet on this machine. Error network when nobody answers there, timeout when
/// the answer does not come in time. `target` is the path with its query, percent-encoded; `body`
/// is JSON, of a POST.
Result<Response> request(const ClientOptions& options, const std::string& method,
                         const std::string& target, const std::string& body = "");

/// For one path segment or query value.
std::string percent_encode(std::string_view text);

}  // namespace freshet::http
