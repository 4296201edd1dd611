#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/url.h"
#include "remote/http_client.h"

namespace freshet::remote {

/// How to sign in as an installation of a GitHub App.
struct GithubAppSpec {
  std::int64_t app_id = 0;
  std::string private_key_file;
  std::int64_t installation_id = 0;  ///< 0: looked up by the repository
  std::string api_url = "https://api.github.com";
};

/// One [[credential]]: at most one kind of sign-in, and a ca_file.
struct CredentialSpec {
  std::string match;  ///< a URL, or one that ends in "*"
  std::string token_file;
  std::string username;
  std::string password_file;
  std::string ssh_key_file;
  std::string known_hosts_file;
  std::string ca_file;
  std::optional<GithubAppSpec> github_app;
};

/// What to show an upstream over http(s): user and password of Basic authentication.
struct HttpLogin {
  std::string username;
  Secret password;
};

struct SshLogin {
  std::string key_file;          ///< empty: the agent's keys
  std::string known_hosts_file;  ///< empty: the user's
};

/// Finds the sign-in of an upstream: the longest match wins. Files are read anew at each use; a
/// GitHub App's token is cached until 10 minutes before its end and asked for once for all who wait.
/// No error or log line of it holds a secret. Thread-safe.
class Credentials {
 public:
  /// `api` serves GitHub Apps only and must outlive this.
  Credentials(std::vector<CredentialSpec> specs, HttpClient& api);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  /// nullopt: sign in with nothing. May ask GitHub's API. Error config or auth: the file cannot be
  /// read, the App is refused.
  Result<std::optional<HttpLogin>> http_login(const UpstreamUrl& url, const CancelToken& cancel);
  /// The upstream answered 401, 403 or 404 to that login. True: a fresh one may do better, try once
  /// more (an App's token was thrown away, or a file changed meanwhile).
  bool rejected(const UpstreamUrl& url, const HttpLogin& login);

  SshLogin ssh_login(const UpstreamUrl& url) const;
  std::string ca_file(const UpstreamUrl& url) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace freshet::remote
