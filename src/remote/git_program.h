#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/git_environment.h"
#include "base/subprocess.h"
#include "base/url.h"
#include "remote/credentials.h"
#include "remote/git_login.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// Bytes that a git child may ask for when it reads what may be hostile: 4 GiB, or more on a large
/// machine.
std::uint64_t git_memory_limit();

/// Asks and fetches with the git program as a guarded child: for every transport that git knows and
/// for servers that speak an old protocol. One child to list, two to fetch. Every child is gone
/// when a call returns. The silence limit counts until the pack has arrived; what git then works on
/// without a word is only bound by the limit of the whole. While refs are listed it bounds the
/// whole answer, since git prints nothing before its end.
///
/// A fetch is full or with the request's depth, whatever the mirror had before, and git brings the
/// tags along that point into what is fetched: it creates those that are missing in refs/tags/ and
/// changes none.
class GitProgram : public Upstream {
 public:
  /// How the children sign in; nullptr: with nothing but the ssh agent's keys.
  struct SignIn {
    Credentials* credentials = nullptr;
    std::string control_directory = {};  ///< for shared ssh connections; empty: none
  };
  /// References must outlive it.
  GitProgram(UpstreamUrl url, const GitEnvironment& environment);
  GitProgram(UpstreamUrl url, const GitEnvironment& environment, SignIn sign_in);

  Result<Advertisement> list_refs(const std::vector<RefPattern>& patterns, const TimeLimits& limits,
                                  const CancelToken& cancel) override;
  /// Requires that refs/freshet/incoming/ is empty: what an earlier one left can stand in the way.
  Result<FetchReport> fetch(const FetchRequest& request, const CancelToken& cancel) override;

 private:
  enum class Tags { follow, leave };
  Result<void> check_empty(const TimeLimits& limits, const CancelToken& cancel) const;
  /// Signs in, and once more where a fresh login may do better.
  Result<ChildResult> ask_upstream(ChildSpec& spec, const CancelToken& cancel) const;
  Result<GitLogin> give_login(ChildSpec& spec, const CancelToken& cancel) const;
  ChildSpec child(std::vector<std::string> arguments, const TimeLimits& limits) const;
  std::vector<std::string> fetch_arguments(const FetchRequest& request, Tags tags) const;
  Result<ChildResult> run_fetch(const FetchRequest& request, Tags tags,
                                const CancelToken& cancel) const;
  Result<FetchReport> read_incoming(const FetchRequest& request, const CancelToken& cancel) const;

  const UpstreamUrl url_;
  const GitEnvironment& guarded_;
  const SignIn sign_in_;
  std::vector<std::string> environment_;
  std::uint64_t memory_limit_;
};

}  // namespace freshet::remote
