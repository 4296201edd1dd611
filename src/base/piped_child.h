#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"

namespace freshet {

/// A child to talk with for a while: its standard input and output are pipes. It has a process
/// group of its own and nothing of ours but what stands in its specification. When this process
/// dies, its input ends, which has to end it: for programs that live by what they are told, such as
/// ssh and git upload-pack. For one thread at a time. Requires that the process ignores SIGPIPE.
class PipedChild {
 public:
  struct Spec {
    std::vector<std::string> arguments;    ///< the program (found by PATH of `environment`) first
    std::vector<std::string> environment;  ///< "NAME=value", complete
    std::string directory = "/";
    std::uint64_t memory_limit = 0;           ///< RLIMIT_AS in bytes; 0: none
    Duration grace{std::chrono::seconds(2)};  ///< between TERM and KILL
  };

  /// Error config: there is no such program, or it may not be run.
  static Result<PipedChild> start(const Spec& spec);
  PipedChild(PipedChild&& other) noexcept;
  PipedChild& operator=(PipedChild&&) = delete;
  /// Ends what still runs: TERM to the group, grace, KILL. Reaped either way.
  ~PipedChild();

  // Our ends, which do not block; -1: closed.
  int input() const { return input_.get(); }
  int output() const { return output_.get(); }
  int error() const { return error_.get(); }
  /// Takes what there is of its standard error; of all that came the last 8 KiB are kept.
  void take_error();

  /// Closes the pipes and waits so long for the child to end by itself; then as the destructor
  /// does. Answers how it ended, with `error_text` and no `output`. Once.
  ChildResult finish(Duration patience);

 private:
  PipedChild(pid_t pid, UniqueFd input, UniqueFd output, UniqueFd error, Duration grace);
  bool wait_until(Instant end);
  bool has_ended() const;
  ChildResult reap();

  pid_t pid_ = -1;  ///< -1: reaped
  UniqueFd pidfd_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd error_;
  Duration grace_;
  std::string error_text_;
};

}  // namespace freshet
