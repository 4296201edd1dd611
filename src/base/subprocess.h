#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace freshet {

/// A program to run, and everything it may have of us: nothing is inherited but what stands here.
struct ChildSpec {
  std::vector<std::string> arguments;    ///< the program (found by PATH of `environment`) first
  std::vector<std::string> environment;  ///< "NAME=value", complete
  std::string directory;                 ///< working directory; empty: ours
  std::string input;                     ///< for standard input; it is closed behind it
  int input_descriptor = -1;             ///< standard input in place of `input`; the caller's
  std::vector<int> descriptors;          ///< stay open in the child under the same number, or,
                                         ///< with ends_with_input, from 3 on
  /// It ends when its standard input does, and starts nothing that would not: then it needs nobody
  /// who watches whether this process lives, which is a good deal cheaper to start.
  bool ends_with_input = false;
  std::size_t output_limit = 64U << 20U;    ///< of standard output, in bytes
  bool only_last_output = false;            ///< of standard output, the last 8 KiB are kept
  std::uint64_t memory_limit = 0;           ///< RLIMIT_AS in bytes; 0: none
  std::optional<Duration> time_limit;       ///< of the whole run
  std::optional<Duration> silence_limit;    ///< without a byte on either output
  Duration grace{std::chrono::seconds(2)};  ///< between TERM and KILL
  std::function<void(std::string_view line)> on_error_line;  ///< lines end at \n or \r (progress)
};

struct ChildResult {
  enum class End { exited, killed, time_limit, silence_limit, cancelled, output_limit };
  End end = End::exited;
  int status = 0;          ///< exit status, or the signal's number for End::killed
  std::string output;      ///< standard output
  std::string error_text;  ///< the last 8 KiB of standard error
  bool succeeded() const { return end == End::exited && status == 0; }
};

/// Runs a child in its own process group until its end, or ends it: TERM to the group, grace, KILL;
/// it is reaped either way, and the group ends when this process dies. Error only when it
/// cannot be started. Any thread; blocks. Requires: the process ignores SIGPIPE.
Result<ChildResult> run_child(const ChildSpec& spec, const CancelToken& cancel);

}  // namespace freshet
