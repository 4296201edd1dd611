#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "remote/credentials.h"

namespace freshet::remote {

struct HttpReply;
struct HttpRequest;

/// An installation's token as GitHub gives it. Opaque: its length and form change.
struct AppToken {
  Secret token;
  WallTime expires_at{};
};

/// The two requests of a GitHub App. Each is signed with the private key, read anew. Error classes:
/// config (the key), auth (GitHub refuses the App), not_found, rate_limited (with retry_after where
/// GitHub says it), network, timeout, protocol (an answer of another form, a 5xx), conflict
/// (cancelled). No secret in errors. Any thread; blocks.
class GithubApi {
 public:
  /// `ca_file` as in HttpRequest. The client must outlive this.
  GithubApi(const GithubAppSpec& spec, std::string ca_file, HttpClient& client);

  /// The installation that may read OWNER/NAME. Error not_found: the App is not installed there.
  Result<std::int64_t> find_installation(const std::string& repository, WallTime time,
                                         const CancelToken& cancel) const;
  /// A token that may read the installation's repositories. Error not_found: no such installation.
  Result<AppToken> new_token(std::int64_t installation, WallTime time,
                             const CancelToken& cancel) const;

 private:
  Result<HttpReply> send(HttpRequest request, WallTime time, const CancelToken& cancel) const;

  const GithubAppSpec spec_;
  const std::string ca_file_;
  HttpClient& client_;
};

/// The JSON Web Token (RS256) by which the App shows itself at `time`: from a minute before, for a
/// clock that is ahead of GitHub's, to 9 minutes after. Error config: the key.
Result<Secret> app_token(std::int64_t app_id, const Secret& private_key, WallTime time);

/// Replaces what looks like a token ("ghs_...", "github_pat_...", "eyJ...") by "***".
std::string redact_tokens(std::string_view text);

}  // namespace freshet::remote
