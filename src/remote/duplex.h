#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "remote/time_limits.h"

namespace freshet::remote {

/// How long somebody waits for an upstream, and who may tell him to stop.
struct Patience {
  std::optional<Instant> deadline;
  Duration silence{};  ///< without a byte from the upstream; 0: no limit
  std::vector<CancelToken> cancels;

  /// From this moment on.
  static Patience of(const TimeLimits& limits, const CancelToken& cancel);
  std::optional<Duration> left() const;
};

/// A connection over which bytes go both ways. Its destructor ends it, whatever the other side
/// does, within seconds. For one thread at a time. Requires that the process ignores SIGPIPE.
class Duplex {
 public:
  Duplex() = default;
  Duplex(const Duplex&) = delete;
  Duplex& operator=(const Duplex&) = delete;
  virtual ~Duplex() = default;

  /// Blocks until all is on its way. Fine, too, when the other side takes nothing more: what it
  /// said before is still to be read, and then its end. Errors: timeout, conflict (cancelled).
  Result<void> write(std::string_view bytes, const Patience& patience);
  /// Blocks until something comes, which is valid until the next call. Empty: the other side has
  /// ended. Errors as of write.
  Result<std::string_view> read(const Patience& patience);
  /// Blocks until any descriptor is ready for `events` of poll(2), or broken.
  Result<void> await(int descriptor, short events, const Patience& patience);

  /// All was said and answered: the other side may end by itself. Before the destructor.
  virtual void part() = 0;
  /// After the other side's end: why, where that is known.
  virtual std::optional<Error> explain_end() = 0;

 protected:
  // Descriptors that do not block; -1: closed.
  virtual int input() const = 0;               ///< from the other side
  virtual int output() const = 0;              ///< to it
  virtual int messages() const { return -1; }  ///< what it says beside the bytes
  virtual void take_messages() {}

 private:
  std::array<char, 65536> buffer_;
};

}  // namespace freshet::remote
