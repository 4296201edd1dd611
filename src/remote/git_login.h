#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/git_environment.h"
#include "base/result.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"
#include "base/url.h"
#include "remote/credentials.h"

namespace freshet::remote {

/// How a git child signs in at one upstream. The secret stands in no command line, no variable and
/// no file with a name: git reads it from a descriptor that it inherits, each time it asks, and
/// only for the upstream's own scheme, host and port, wherever a redirect leads. Must outlive the
/// child.
class GitLogin {
 public:
  GitLogin() = default;  ///< with nothing

  /// What `credentials` have for the upstream. `control_directory` as in ssh_arguments. Errors: as
  /// Credentials::http_login; internal: no descriptor is left.
  static Result<GitLogin> find(Credentials& credentials, const UpstreamUrl& url,
                               const std::string& control_directory, const CancelToken& cancel);
  static Result<GitLogin> over_http(const UpstreamUrl& url, std::optional<HttpLogin> login,
                                    const std::string& ca_file);
  static GitLogin over_ssh(const UpstreamUrl& url, const SshLogin& login,
                           const std::string& control_directory);

  /// Sets the child's environment, and adds to its descriptors.
  void give_to(ChildSpec& child, const GitEnvironment& environment) const;
  /// What was shown over http(s), for Credentials::rejected.
  const std::optional<HttpLogin>& http_login() const { return http_login_; }

 private:
  std::vector<std::string> variables_;
  UniqueFd secret_;
  std::optional<HttpLogin> http_login_;
};

}  // namespace freshet::remote
