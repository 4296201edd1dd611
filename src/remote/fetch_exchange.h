#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "remote/git_http.h"
#include "remote/http_client.h"
#include "remote/protocol_v2.h"

namespace freshet::remote {

/// One fetch request on its way: takes the answer apart on the client's thread and hands the pack
/// on through a pipe, holding the upstream back when its reader is slow. The last bytes of the
/// pack, its checksum, are handed on only when the answer was whole: nobody can take a cut-off one
/// for complete. What it has at any time are a few packets. Shared by the two threads; requires
/// that the process ignores SIGPIPE.
class FetchExchange : public BodySink, public std::enable_shared_from_this<FetchExchange> {
 public:
  struct Spec {
    UniqueFd pipe;                   ///< the writing end, which does not block
    std::uint64_t largest_pack = 0;  ///< bytes; 0: no limit
    bool has_login = false;          ///< the request shows one
    /// What the upstream says of its own work, before the pack begins. By the client's thread.
    std::function<void(const Progress&)> on_progress;
  };
  static std::shared_ptr<FetchExchange> create(Spec spec);

  /// Sends it. Once.
  void start(HttpClient& client, HttpRequest request, const TimeLimits& limits);
  /// Blocks. True: the pack begins, and shallow() and unshallow() can be read. False: it is over.
  bool wait_for_pack() EXCLUDES(mutex_);
  /// Ends it, if it is not over. With an error, that is its outcome; without, whoever reads the
  /// pipe knows better what went wrong. Any thread.
  void abort(std::optional<Error> why) EXCLUDES(mutex_);
  /// Blocks until it is over. Fine: everything was received, or the pipe's reader ended it.
  HttpResult<void> wait() EXCLUDES(mutex_);

  const std::vector<ObjectId>& shallow() const { return reader_.shallow(); }
  const std::vector<ObjectId>& unshallow() const { return reader_.unshallow(); }
  std::uint64_t received() const { return received_; }  ///< bytes of the pack; once it is over

  bool accepts(const HttpReply& head) override;
  Take take(std::string_view bytes) override;
  int descriptor() const override { return pipe_.get(); }

 private:
  enum class Phase { waiting, pack, over };
  explicit FetchExchange(Spec spec);
  Result<void> take_pack(std::string_view bytes);
  void take_progress(std::string_view text);
  Take hand_on();
  void end(const Result<HttpReply>& reply) EXCLUDES(mutex_);
  HttpResult<void> judge(const Result<HttpReply>& reply) const;
  void enter(Phase phase) EXCLUDES(mutex_);

  const std::uint64_t largest_pack_;
  const bool has_login_;
  const std::function<void(const Progress&)> on_progress_;
  const CancelToken stop_;

  // The client's thread alone, until it is over.
  FetchReader reader_;
  UniqueFd pipe_;
  std::string pending_;  ///< of the pack, to be written
  std::string line_;     ///< of progress
  std::uint64_t received_ = 0;
  bool any_ = false;
  bool pipe_broken_ = false;
  std::optional<Error> error_;

  Mutex mutex_;
  Condition changed_;
  Phase phase_ GUARDED_BY(mutex_) = Phase::waiting;
  bool aborted_ GUARDED_BY(mutex_) = false;
  std::optional<Error> abort_error_ GUARDED_BY(mutex_);
  HttpResult<void> outcome_ GUARDED_BY(mutex_);
};

}  // namespace freshet::remote
