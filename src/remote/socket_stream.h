#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "remote/duplex.h"

namespace freshet::remote {

/// A connection over TCP.
class SocketStream : public Duplex {
 public:
  /// Tries each address of the host, for 20 s or the silence limit at most. Errors: network (also:
  /// no such host), timeout, conflict (cancelled). The name's lookup is bounded by the resolver
  /// alone.
  static Result<std::unique_ptr<Duplex>> connect(const std::string& host, const std::string& port,
                                                 const Patience& patience);

  void part() override {}
  std::optional<Error> explain_end() override { return std::nullopt; }

 protected:
  int input() const override { return socket_.get(); }
  int output() const override { return socket_.get(); }

 private:
  explicit SocketStream(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace freshet::remote
