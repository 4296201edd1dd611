#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "http/message.h"

namespace freshet::http {

/// Refuses what a browser sends on behalf of a page of another origin, and requests that reached us
/// under a foreign name (DNS rebinding). Thread-safe.
class OriginGuard {
 public:
  /// `hosts`: names beside IP addresses and localhost, without a port.
  explicit OriginGuard(std::vector<std::string> hosts);

  /// 403 for: a Host that is no IP address, localhost or one of the names (a unix peer's may be
  /// anything); an Origin whose host and port are not those of Host; a Sec-Fetch-Site other than
  /// same-origin and none, but for a link to "/" that somebody follows. nullopt: nothing is wrong.
  std::optional<Response> operator()(const Request& head) const;

 private:
  bool knows(const std::string& name) const;

  std::vector<std::string> hosts_;
};

/// Reads the token anew at each call.
using SecretLoader = std::function<Result<Secret>()>;

/// The token as `Authorization: Bearer TOKEN`, or as the password of Basic with any user name.
/// 401 with WWW-Authenticate otherwise, 500 (and a log line) when the token cannot be loaded.
std::optional<Response> check_token(const Request& head, const SecretLoader& load);

}  // namespace freshet::http
