#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/git_environment.h"
#include "remote/arrival.h"
#include "remote/fetch_exchange.h"
#include "remote/index_pack.h"
#include "remote/remote_query.h"
#include "remote/shallow_file.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// One fetch from a server of version 2: the request, the child that takes the pack, and what has
/// to be true before anybody may use what came. For one thread and one run.
class HttpFetch {
 public:
  /// All must outlive it. Requires at least one want.
  HttpFetch(std::shared_ptr<const RemoteQuery> query, const FetchRequest& request,
            const GitEnvironment& environment)
      : query_(std::move(query)), request_(request), environment_(environment) {}

  /// Blocks. As Upstream::fetch.
  HttpResult<FetchReport> run(const RemoteMemory::Server& server);

  /// Whether the request is about a history that is, or was, cut off.
  static Result<bool> concerns_depth(const FetchRequest& request);

 private:
  FetchCommand command() const;
  Result<UniqueFd> open_pipe();
  Result<void> check_free_disk() const;
  HttpResult<IndexedPack> receive(const RemoteMemory::Server& server);
  Result<IndexedPack> index();
  void note(const Progress& progress);
  Result<void> check(const IndexedPack& pack) const;
  HttpResult<FetchReport> report();

  const std::shared_ptr<const RemoteQuery> query_;
  const FetchRequest& request_;
  const GitEnvironment& environment_;
  std::vector<ObjectId> tips_;
  std::vector<ObjectId> shallow_;
  bool changes_shallow_ = false;
  std::optional<NextShallow> next_shallow_;
  std::shared_ptr<Arrival<RefsAnswer>> tags_;  ///< asked for meanwhile; empty: not wanted
  UniqueFd pack_;                              ///< where the pack comes out
  std::shared_ptr<FetchExchange> exchange_;
};

}  // namespace freshet::remote
