#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/git_environment.h"
#include "remote/attempt.h"
#include "remote/fetch_exchange.h"
#include "remote/index_pack.h"
#include "remote/shallow_file.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// How the questions of a fetch reach a server of version 2, and its answers come back.
class FetchTransport {
 public:
  virtual ~FetchTransport() = default;
  /// Sends the command and lets a thread of its own bring the answer to the exchange, which keeps
  /// its end. `with_tags`: take_tags() will follow. Does not block. Once.
  virtual void start(const FetchCommand& command, std::shared_ptr<FetchExchange> exchange,
                     bool with_tags) = 0;
  /// Blocks: the tags that the upstream has. Once, when the exchange is over and went well.
  /// nullopt: it does not speak version 2 any more.
  virtual Attempt<std::optional<Advertisement>> take_tags() = 0;
  /// Of the fetch as a whole; nullopt: no limit.
  virtual std::optional<Duration> time_left() const = 0;
};

/// One fetch from a server of version 2: the request, the child that takes the pack, and what has
/// to be true before anybody may use what came. For one thread and one run.
class Fetch {
 public:
  /// All must outlive it. Requires at least one want.
  Fetch(FetchTransport& transport, const FetchRequest& request, const GitEnvironment& environment,
        const CancelToken& cancel)
      : transport_(transport), request_(request), environment_(environment), cancel_(cancel) {}

  /// Blocks. As Upstream::fetch. nullopt: the upstream's own history is cut off, which git itself
  /// can take in.
  Attempt<std::optional<FetchReport>> run();

  /// Whether the request is about a history that is, or was, cut off.
  static Result<bool> concerns_depth(const FetchRequest& request);

 private:
  FetchCommand command() const;
  Result<UniqueFd> open_pipe();
  Result<void> check_free_disk() const;
  Attempt<IndexedPack> receive();
  Result<IndexedPack> index();
  void note(const Progress& progress);
  Result<void> check(const IndexedPack& pack) const;
  Attempt<FetchReport> report();
  Attempt<void> add_tags(FetchReport& report);

  FetchTransport& transport_;
  const FetchRequest& request_;
  const GitEnvironment& environment_;
  const CancelToken& cancel_;
  std::vector<ObjectId> tips_;
  std::vector<ObjectId> shallow_;
  bool changes_shallow_ = false;
  std::optional<NextShallow> next_shallow_;
  UniqueFd pack_;  ///< where the pack comes out
  std::shared_ptr<FetchExchange> exchange_;
};

}  // namespace freshet::remote
