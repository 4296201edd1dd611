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
#include "remote/attempt.h"
#include "remote/protocol_v2.h"

namespace freshet::remote {

/// One fetch on its way: takes the answer apart on the thread that receives it and hands the pack
/// on through a pipe, holding the upstream back when its reader is slow. The last bytes of the
/// pack, its checksum, are handed on only when the answer was whole: nobody can take a cut-off one
/// for complete. What it has at any time are a few packets. Shared by the thread that receives and
/// the one that waits; requires that the process ignores SIGPIPE.
class FetchExchange {
 public:
  struct Spec {
    UniqueFd pipe;                   ///< the writing end, which does not block
    std::uint64_t largest_pack = 0;  ///< bytes; 0: no limit
    /// What the upstream says of its own work, before the pack begins. By the receiving thread.
    std::function<void(const Progress&)> on_progress;
  };
  static std::shared_ptr<FetchExchange> create(Spec spec);

  enum class Take {
    more,  ///< go on
    wait,  ///< nothing more until descriptor() can be written to; then with no bytes
    stop,  ///< it is no use
  };
  /// The receiving thread: any piece of the answer. Does not block.
  Take take(std::string_view bytes);
  int descriptor() const { return pipe_.get(); }
  /// The receiving thread: the answer's last packet has been taken.
  bool answered() const { return reader_.ended(); }
  /// The receiving thread, once: nothing more comes. `brought` is what it knows of the reason; what
  /// the answer itself says counts more.
  void end(const Attempt<void>& brought) EXCLUDES(mutex_);
  /// Cancelled by abort(): the receiving thread has to come to an end.
  const CancelToken& stop() const { return stop_; }

  /// Blocks. True: the pack begins, and shallow() and unshallow() can be read. False: it is over.
  bool wait_for_pack() EXCLUDES(mutex_);
  /// Ends it, if it is not over. With an error, that is its outcome; without, whoever reads the
  /// pipe knows better what went wrong. Any thread.
  void abort(std::optional<Error> why) EXCLUDES(mutex_);
  /// Blocks until it is over. Fine: everything was received, or the pipe's reader ended it.
  Attempt<void> wait() EXCLUDES(mutex_);

  const std::vector<ObjectId>& shallow() const { return reader_.shallow(); }
  const std::vector<ObjectId>& unshallow() const { return reader_.unshallow(); }
  std::uint64_t received() const { return received_; }  ///< bytes of the pack; once it is over

 private:
  enum class Phase { waiting, pack, over };
  explicit FetchExchange(Spec spec);
  Result<void> take_pack(std::string_view bytes);
  void take_progress(std::string_view text);
  Take hand_on();
  Attempt<void> judge(const Attempt<void>& brought) const;
  void enter(Phase phase) EXCLUDES(mutex_);

  const std::uint64_t largest_pack_;
  const std::function<void(const Progress&)> on_progress_;
  const CancelToken stop_;

  // The receiving thread alone, until it is over.
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
  Attempt<void> outcome_ GUARDED_BY(mutex_);
};

}  // namespace freshet::remote
