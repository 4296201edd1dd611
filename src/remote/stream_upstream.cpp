#include "remote/stream_upstream.h"

#include <sys/stat.h>

#include "remote/git_address.h"
#include "remote/stream_connect.h"
#include "remote/stream_fetch.h"

namespace freshet::remote {
namespace {

bool is_file(const UpstreamUrl& url) {
  const auto address = git_address(url);
  struct stat status {};
  return url.transport() == UpstreamUrl::Transport::file && address &&
         ::stat(address->path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

StreamUpstream::StreamUpstream(UpstreamUrl url, const GitEnvironment& environment,
                               GitProgram::SignIn sign_in, std::shared_ptr<RemoteMemory> memory,
                               std::unique_ptr<Upstream> old_versions)
    : url_(std::move(url)),
      environment_(environment),
      sign_in_(std::move(sign_in)),
      memory_(std::move(memory)),
      old_versions_(std::move(old_versions)) {}

/// Whether it is known without a question.
bool StreamUpstream::takes_another() const {
  return is_file(url_) || memory_->speaks_old_only(now());
}

/// False: it takes another Upstream.
Result<bool> StreamUpstream::connect(const Patience& patience) {
  if (takes_another()) {
    return false;
  }
  FRESHET_TRY(auto stream, connect_stream(url_, environment_, sign_in_, patience));
  FRESHET_TRY(session_, StreamSession::open(std::move(stream), patience));
  if (!session_) {
    memory_->learn_old(now());
  }
  return session_ != nullptr;
}

/// nullopt: it takes another Upstream.
template <class T>
Result<std::optional<T>> StreamUpstream::in_session(const Patience& patience,
                                                    const Operation<T>& operation) {
  for (;;) {
    const bool is_new = !session_;
    if (is_new) {
      FRESHET_TRY(const bool connected, connect(patience));
      if (!connected) {
        return std::nullopt;
      }
    }
    Attempt<std::optional<T>> result = operation(*session_);
    if (result) {
      return *std::move(result);
    }
    session_.reset();
    if (is_new || !result.error().odd) {
      return fail(std::move(result).error().error);
    }
  }
}

Result<Advertisement> StreamUpstream::list_refs(const std::vector<RefPattern>& patterns,
                                                const TimeLimits& limits,
                                                const CancelToken& cancel) {
  const Patience patience = Patience::of(limits, cancel);
  FRESHET_TRY(std::optional<Advertisement> answer,
              in_session<Advertisement>(
                  patience, [&](StreamSession& session) -> Attempt<std::optional<Advertisement>> {
                    return session.list(patterns, patience);
                  }));
  return answer ? *std::move(answer) : old_versions_->list_refs(patterns, limits, cancel);
}

Result<FetchReport> StreamUpstream::fetch(const FetchRequest& request, const CancelToken& cancel) {
  if (request.wants.empty()) {
    return FetchReport{};
  }
  FRESHET_TRY(const bool concerns_depth, Fetch::concerns_depth(request));
  const Patience patience = Patience::of(request.limits, cancel);
  FRESHET_TRY(std::optional<FetchReport> report,
              in_session<FetchReport>(
                  patience, [&](StreamSession& session) -> Attempt<std::optional<FetchReport>> {
                    if (concerns_depth && !session.capabilities().shallow) {
                      return std::nullopt;
                    }
                    StreamFetch transport(session, patience);
                    return Fetch(transport, request, environment_, cancel).run();
                  }));
  return report ? *std::move(report) : old_versions_->fetch(request, cancel);
}

}  // namespace freshet::remote
