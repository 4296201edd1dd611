#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"

namespace freshet::http {

/// Bytes from and to one client, without ever waiting. Used by one thread at a time, not always the
/// same.
class Stream {
 public:
  enum class State { moved, wait_readable, wait_writable, ended };
  struct Moved {
    State state = State::ended;
    std::size_t bytes = 0;
  };

  virtual ~Stream() = default;
  /// Goes on with what comes before the first byte. `moved`: it is done.
  virtual State handshake() { return State::moved; }
  virtual Moved read(char* buffer, std::size_t size) = 0;
  virtual Moved write(std::string_view bytes) = 0;
  /// Whether the next read() gives bytes that were taken off the socket already: the socket does
  /// not become readable for them.
  virtual bool holds_bytes() const { return false; }
  /// No more is written; the other side can still be read.
  virtual void end_writing() = 0;
  virtual int descriptor() const = 0;
};

/// `socket`: connected and non-blocking.
std::unique_ptr<Stream> plain_stream(UniqueFd socket);

}  // namespace freshet::http
