#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/git_environment.h"
#include "base/url.h"
#include "remote/git_program.h"
#include "remote/remote_memory.h"
#include "remote/stream_session.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// An upstream over ssh, git:// or in a local directory, in version 2 of git's protocol: one
/// connection for all that one refresh asks. It is opened by the first call and kept until this
/// object goes; one that the upstream ended meanwhile is opened anew, once. A fetch's pack goes
/// into `git index-pack` as it arrives. What only speaks an older version, or is a file (a bundle),
/// is left to another Upstream. Requires that the process ignores SIGPIPE.
class StreamUpstream : public Upstream {
 public:
  /// References must outlive it. `memory` is kept by the caller from one refresh to the next.
  /// Requires that the URL is none of http.
  StreamUpstream(UpstreamUrl url, const GitEnvironment& environment, GitProgram::SignIn sign_in,
                 std::shared_ptr<RemoteMemory> memory, std::unique_ptr<Upstream> old_versions);

  Result<Advertisement> list_refs(const std::vector<RefPattern>& patterns, const TimeLimits& limits,
                                  const CancelToken& cancel) override;
  /// Moves no ref. Errors and promises as of HttpUpstream::fetch.
  Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) override;

 private:
  template <class T>
  using Operation = std::function<Attempt<std::optional<T>>(StreamSession& session)>;
  template <class T>
  Result<std::optional<T>> in_session(const Patience& patience, const Operation<T>& operation);
  Result<bool> connect(const Patience& patience);
  bool takes_another() const;

  const UpstreamUrl url_;
  const GitEnvironment& environment_;
  const GitProgram::SignIn sign_in_;
  const std::shared_ptr<RemoteMemory> memory_;
  const std::unique_ptr<Upstream> old_versions_;
  std::unique_ptr<StreamSession> session_;  ///< empty: to be opened
};

}  // namespace freshet::remote
