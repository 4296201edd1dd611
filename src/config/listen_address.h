#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::config {

/// Where a listener accepts connections: "127.0.0.1:8480", "[::1]:8480", "localhost:8480" or
/// "unix:/run/freshet/admin.sock".
struct ListenAddress {
  std::string host;         ///< without brackets; empty for a unix socket
  std::uint16_t port = 0;   ///< 0: any free port
  std::string socket_path;  ///< absolute; empty for TCP

  /// Error (class config): another form, saying which part is wrong.
  static Result<ListenAddress> parse(std::string_view text);

  bool is_unix() const { return !socket_path.empty(); }
  /// Only this machine can connect: a unix socket, 127.0.0.0/8, ::1 or localhost.
  bool is_local() const;
  std::string text() const;  ///< in the form that parse reads
  bool operator==(const ListenAddress&) const = default;
};

/// "10.0.0.0/8", "fd00::/8", or one address without a length.
bool is_cidr(std::string_view text);

/// Letters, digits, "." and "-".
bool is_host_name(std::string_view text);

}  // namespace freshet::config
