#pragma once

#include <string>

#include "base/git_environment.h"
#include "base/subprocess.h"
#include "base/url.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// Asks and fetches with the git program as a guarded child: for every transport that git knows and
/// for servers that speak an old protocol. One child to list, two to fetch.
class GitProgram : public Upstream {
 public:
  /// The environment must outlive it.
  GitProgram(UpstreamUrl url, const GitEnvironment& environment)
      : url_(std::move(url)), environment_(environment) {}

  Result<Advertisement> list_refs(const std::vector<RefPattern>& patterns,
                                  const TimeLimits& limits, const CancelToken& cancel) override;
  Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) override;

 private:
  ChildSpec child(std::vector<std::string> arguments, const TimeLimits& limits) const;
  Result<FetchReport> read_incoming(const FetchRequest& request, const CancelToken& cancel) const;

  const UpstreamUrl url_;
  const GitEnvironment& environment_;
};

/// The output of `git ls-remote --symref`, reduced to what the patterns ask for. Pure. Error
/// protocol: a line of another form.
Result<Advertisement> parse_ref_listing(std::string_view output,
                                        const std::vector<RefPattern>& patterns);

/// "Receiving objects:  42% (420/1000), ..." of git's progress; nullopt: another line. Pure.
std::optional<Progress> parse_progress(std::string_view line);

}  // namespace freshet::remote
