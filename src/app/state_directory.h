#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/file_lock.h"
#include "base/git_environment.h"
#include "base/result.h"
#include "remote/curl_client.h"

namespace freshet::app {

/// The state directory of one process: created, locked, and with what talks to upstreams in place.
class StateDirectory {
 public:
  /// Error conflict, naming the process, while another one holds it.
  static Result<StateDirectory> take(const std::string& path);
  const GitEnvironment& git() const { return git_; }
  remote::HttpClient& http() const { return *http_; }
  std::map<std::string, remote::RateLimit> rate_limits() const { return http_->rate_limits(); }
  const std::string& ssh_connections() const { return ssh_connections_; }
  ~StateDirectory();  ///< ends the shared ssh connections
  StateDirectory(StateDirectory&&) noexcept = default;
  StateDirectory& operator=(StateDirectory&&) = delete;

 private:
  StateDirectory(FileLock lock, GitEnvironment git, std::string ssh_connections,
                 std::unique_ptr<remote::CurlClient> http);
  FileLock lock_;
  GitEnvironment git_;
  std::string ssh_connections_;  ///< folder of their sockets; empty once moved from
  std::unique_ptr<remote::CurlClient> http_;
};

}  // namespace freshet::app
