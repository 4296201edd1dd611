#include "remote/socket_stream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace freshet::remote {
namespace {

/// As ssh's ConnectTimeout.
constexpr std::chrono::seconds kConnectTime{20};

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Addresses> look_up(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int reason = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); reason != 0) {
    return fail(ErrorClass::network,
                "cannot find the address of " + host + ": " + ::gai_strerror(reason));
  }
  return Addresses(found, &::freeaddrinfo);
}

/// The error that a socket has at last; 0: it is connected.
int outcome_of(int socket) {
  int reason = 0;
  socklen_t size = sizeof reason;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 ? reason : errno;
}

}  // namespace

Result<std::unique_ptr<Duplex>> SocketStream::connect(const std::string& host,
                                                      const std::string& port,
                                                      const Patience& patience) {
  FRESHET_TRY(const Addresses addresses, look_up(host, port));
  Patience shorter = patience;
  if (shorter.silence == Duration(0) || shorter.silence > kConnectTime) {
    shorter.silence = kConnectTime;
  }
  int reason = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    std::unique_ptr<SocketStream> stream(new SocketStream(
        UniqueFd(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address->ai_protocol))));
    const int socket = stream->socket_.get();
    reason = errno;
    if (socket < 0) {
      continue;
    }
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    reason = ::connect(socket, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (reason == EINPROGRESS) {
      const bool is_last = address->ai_next == nullptr;
      const auto ready = stream->await(socket, POLLOUT, shorter);
      if (!ready && (is_last || ready.error().error_class != ErrorClass::timeout)) {
        return fail(ready.error());
      }
      reason = ready ? outcome_of(socket) : ETIMEDOUT;
    }
    if (reason == 0) {
      return stream;
    }
  }
  return fail(ErrorClass::network, "cannot connect to " + host + " port " + port + ": " +
                                       std::generic_category().message(reason));
}

}  // namespace freshet::remote
