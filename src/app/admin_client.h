#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "config/settings.h"

namespace freshet::app {

/// The command line's side of the admin listener.
class AdminClient {
 public:
  explicit AdminClient(const config::Admin& settings) : settings_(settings) {}

  struct Answer {
    int status = 0;
    Json body;
  };
  /// `path` below /api/v1, percent-encoded. Error network: nobody answers; timeout: not in time;
  /// config: the token cannot be read, or the socket is not for this user.
  Result<Answer> get(const std::string& path) const;
  Result<Answer> post(const std::string& path, Duration patience,
                      const std::string& body = "") const;

  static std::string encode(std::string_view name);
  std::string address() const { return settings_.listen.text(); }

 private:
  Result<Answer> send(const std::string& method, const std::string& path, Duration patience,
                      const std::string& body = "") const;
  const config::Admin settings_;
};

}  // namespace freshet::app
