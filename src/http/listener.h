#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet::http {

/// Where a server listens: host and port, or a unix socket.
struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::string unix_path;   ///< not empty: host and port do not count
  unsigned mode = 0660;    ///< of the unix socket

  /// "127.0.0.1:8480", "[::1]:8480" or "unix:/path". Failure: config.
  static Result<ListenAddress> parse(std::string_view text);
};

struct Peer {
  std::string address;  ///< IP address; empty for a unix socket
  std::string network;  ///< what counts as one client (client_network); empty: unix
};

struct Accepted {
  UniqueFd socket;  ///< non-blocking, closed in children
  Peer peer;
};

/// A listening socket. Used by one thread at a time.
class Listener {
 public:
  /// A unix socket that nobody answers at is replaced, any other file is left alone; nobody can
  /// connect before the mode is set. Failure: conflict (somebody else listens there), config.
  static Result<Listener> open(const ListenAddress& address, int backlog);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  /// Removes the unix socket's file if it is still this one's.
  ~Listener();

  /// nullopt: none is waiting, or the one that was could not be taken (errno says).
  std::optional<Accepted> accept();

  int descriptor() const { return socket_.get(); }
  /// "127.0.0.1:8480", "[::1]:8480" or "unix:/path", with the port that was chosen.
  const std::string& address() const { return address_; }

 private:
  Listener(UniqueFd socket, std::string address)
      : socket_(std::move(socket)), address_(std::move(address)) {}
  static Result<Listener> open_inet(const ListenAddress& address);
  static Result<Listener> open_unix(const ListenAddress& address);

  UniqueFd socket_;
  std::string address_;
  std::string unix_path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace freshet::http
