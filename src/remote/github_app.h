#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/url.h"
#include "remote/credentials.h"
#include "remote/github_api.h"

namespace freshet::remote {

/// Keeps the access tokens of one GitHub App, one for each of its installations (an organisation or
/// a person has at most one). A token is renewed once less than 10 minutes of it are left, with one
/// request for all who wait; while GitHub cannot be asked the old one is handed out as long as it
/// lives. Thread-safe; no lock is held while GitHub is asked.
class GithubApp {
 public:
  using Clock = std::function<WallTime()>;
  /// `ca_file` and `api` as in GithubApi; the client must outlive this.
  GithubApp(GithubAppSpec spec, std::string ca_file, HttpClient& api, Clock clock);

  /// The token for the repository of that URL. Blocks while GitHub is asked. Errors: as of
  /// GithubApi, but auth in place of not_found; config where an installation is to be looked up and
  /// the URL is not of the form OWNER/NAME.
  Result<Secret> token(const UpstreamUrl& url, const CancelToken& cancel);
  /// The upstream refused that token. True: the next one may be another. An installation's token is
  /// thrown away at most once a minute, so that one repository out of its reach does not make a
  /// request of each refresh.
  bool rejected(const UpstreamUrl& url, const Secret& token);

 private:
  /// One request under way and all who wait for it.
  struct Flight {
    CancelToken landed;                    ///< "cancelled" once the request has ended
    std::optional<Result<Secret>> result;  ///< none: who asked was cancelled, somebody else may ask
  };
  struct Installation {
    std::int64_t id = 0;  ///< 0: to be looked up
    Secret token;
    WallTime expires_at{};
    bool refused = false;  ///< by an upstream: only handed out while there is no other
    WallTime refused_at{};
    WallTime ask_again{};             ///< not before
    std::optional<Error> last_error;  ///< until `ask_again`
    std::shared_ptr<Flight> flight;
  };

  Installation& installation_of(const UpstreamUrl& url) REQUIRES(mutex_);
  /// What can be said at once: the token, or that GitHub said to wait.
  static std::optional<Result<Secret>> without_asking(const Installation& installation,
                                                      WallTime time);
  /// Asks for all who wait for `flight`.
  Result<Secret> ask(const UpstreamUrl& url, Flight& flight, std::int64_t id,
                     const CancelToken& cancel);
  /// `id` 0: looked up, and looked up anew when GitHub knows it no longer.
  Result<AppToken> request(const UpstreamUrl& url, std::int64_t& id,
                           const CancelToken& cancel) const;
  /// Takes an answer over, and says what all who waited get.
  static Result<Secret> settle(Installation& installation, const Result<AppToken>& answer,
                               WallTime time);
  void log_answer(const Result<AppToken>& answer, std::int64_t id, bool served) const;

  const GithubAppSpec spec_;
  const Clock clock_;
  const GithubApi api_;
  Mutex mutex_;
  std::map<std::string, Installation> installations_ GUARDED_BY(mutex_);  ///< by owner
};

}  // namespace freshet::remote
