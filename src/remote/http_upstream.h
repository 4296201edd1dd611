#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/git_environment.h"
#include "base/url.h"
#include "remote/credentials.h"
#include "remote/http_client.h"
#include "remote/remote_memory.h"
#include "remote/remote_query.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// An upstream over http(s) in version 2 of git's protocol: refs by one small request, a fetch by
/// one request whose pack goes into `git index-pack` as it arrives. Servers that only speak an
/// older version are left to another Upstream.
///
/// Thread-safe: list_refs, list_refs_async and fetch may run at once, as after a delivery, where
/// the refs are asked for and the announced commit is fetched in the same moment. Fetches into one
/// mirror must not overlap. Requires that the process ignores SIGPIPE.
class HttpUpstream : public Upstream {
 public:
  /// References must outlive it, and every list_refs_async that is not done. `credentials`: nullptr
  /// for no sign-in. `memory` is kept by the caller from one refresh to the next. `old_versions`
  /// may be empty: such an upstream is an error then.
  HttpUpstream(UpstreamUrl url, HttpClient& client, Credentials* credentials,
               std::shared_ptr<RemoteMemory> memory, const GitEnvironment& environment,
               std::unique_ptr<Upstream> old_versions);

  Result<Advertisement> list_refs(const std::vector<RefPattern>& patterns, const TimeLimits& limits,
                                  const CancelToken& cancel) override;

  /// False once the upstream is known to speak only an old version.
  bool lists_without_blocking() const override;
  /// For polls: no thread waits and no process is started. Returns at once, unless a GitHub App's
  /// token has to be asked for first. `done` is called by the client's thread or at once by this
  /// one; this object need not live until then. list_refs may do better after an error of class
  /// auth or not_found, since it takes a new login, and after protocol, when the upstream turned
  /// out not to speak version 2.
  void list_refs_async(const std::vector<RefPattern>& patterns, const TimeLimits& limits,
                       const CancelToken& cancel,
                       std::function<void(Result<Advertisement>)> done) override;

  /// Moves no ref. Errors beside those of list_refs: corrupt (what came is damaged or not
  /// complete), no_space, config (larger than largest_pack). not_found: the upstream has no such
  /// commit, or does not hand it out. What is wanted is what the ids name, whatever the refs mean
  /// meanwhile. check_connected is not called when the pack itself proves it, nor for a limited
  /// depth.
  Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) override;

 private:
  using Query = std::shared_ptr<const RemoteQuery>;
  Result<std::optional<HttpLogin>> find_login(const CancelToken& cancel) const;
  Query make_query(const std::optional<HttpLogin>& login, const TimeLimits& limits,
                   const CancelToken& cancel) const;
  template <class T>
  Result<T> signed_in(const TimeLimits& limits, const CancelToken& cancel,
                      const std::function<Attempt<T>(const Query&)>& operation) const;
  Attempt<std::optional<FetchReport>> fetch_with(const Query& query,
                                                 const FetchRequest& request) const;

  const UpstreamUrl url_;
  HttpClient& client_;
  Credentials* const credentials_;
  const std::shared_ptr<RemoteMemory> memory_;
  const GitEnvironment& environment_;
  const std::unique_ptr<Upstream> old_versions_;
};

}  // namespace freshet::remote
