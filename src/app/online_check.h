#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "config/settings.h"
#include "model/ids.h"
#include "remote/credentials.h"

namespace freshet::app {

/// What an upstream has under one name that the configuration wants.
struct WantedRef {
  std::string path;    ///< of the checkout; empty: further refs that are mirrored
  std::string wanted;  ///< as configured
  std::optional<RefName> ref;
  std::optional<ObjectId> id;  ///< of a commit: that commit, which only a fetch can find
  std::optional<Error> error;
};

/// How the upstream of one repository answered.
struct UpstreamReport {
  RepositoryName repository;
  std::string url;                           ///< without a password
  std::vector<remote::CredentialSpec> used;  ///< its sign-in, and where its ca_file is from
  std::optional<Error> error;                ///< it did not answer as it should
  std::optional<RefName> default_branch;
  std::vector<WantedRef> refs;

  bool failed() const;
};

/// Asks every upstream for its refs with its credentials, as the daemon would, as many at a time as
/// `limits` allow, each for a minute at most. Changes nothing, needs no state directory and works
/// beside a daemon: what it needs on disk is in a temporary directory. `progress` is called with
/// how many have answered, by one thread at a time. Error config: there can be no temporary
/// directory.
Result<std::vector<UpstreamReport>> check_upstreams(
    const config::Settings& settings, const CancelToken& cancel,
    const std::function<void(std::size_t answered)>& progress);

}  // namespace freshet::app
