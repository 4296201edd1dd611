#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/url.h"

namespace freshet::remote {

class HttpClient;

/// How to sign in as an installation of a GitHub App.
struct GithubAppSpec {
  std::int64_t app_id = 0;
  std::string private_key_file;
  std::int64_t installation_id = 0;  ///< 0: looked up by the repository
  std::string api_url = "https://api.github.com";
};

/// One [[credential]]: at most one kind of sign-in, and a ca_file. Files are absolute paths or
/// "credential:NAME".
struct CredentialSpec {
  std::string match;  ///< as CredentialMatch::parse takes it
  std::string token_file;
  std::string username;  ///< beside a token_file: shown instead of "x-access-token"
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

/// The whole value of the Authorization header: "Basic ...".
Secret basic_authorization(const HttpLogin& login);

struct SshLogin {
  std::string key_file;          ///< empty: the agent's keys
  std::string known_hosts_file;  ///< empty: the user's
};

/// Finds the sign-in of an upstream. For each of the three questions below the longest match counts
/// among the credentials that say something about it, so that one for a whole host can bring the
/// ca_file and another one for a path the token. Files are read anew at each use; a GitHub App's
/// token is cached until 10 minutes before its end and asked for once for all who wait. No error or
/// log line of it holds a secret. Thread-safe.
class Credentials {
 public:
  /// `api` serves GitHub Apps only and must outlive this. A spec whose `match` is not of the form
  /// covers nothing, and a log line says so: check it before (CredentialMatch::parse).
  Credentials(std::vector<CredentialSpec> specs, HttpClient& api,
              const std::function<WallTime()>& clock = wall_now);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  /// nullopt: sign in with nothing; so for every transport but https and http. May ask GitHub's
  /// API. Error config or auth: the file cannot be read, the App is refused. Error conflict:
  /// cancelled. Other classes: GitHub's API cannot be asked now.
  Result<std::optional<HttpLogin>> http_login(const UpstreamUrl& url, const CancelToken& cancel);
  /// The upstream answered 401, 403 or 404 to that login. True: a fresh one may do better, try once
  /// more (an App's token was thrown away, or a file changed meanwhile).
  bool rejected(const UpstreamUrl& url, const HttpLogin& login);

  SshLogin ssh_login(const UpstreamUrl& url) const;
  std::string ca_file(const UpstreamUrl& url) const;
  /// The credentials that the answers for this upstream come from: of the sign-in first, then of
  /// the ca_file, where that is another one. Their files may be unreadable.
  std::vector<CredentialSpec> used_for(const UpstreamUrl& url) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace freshet::remote
