#include "http/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "http/cidr.h"

namespace freshet::http {
namespace {

Error listen_error(int error_number, const std::string& address) {
  if (error_number == EADDRINUSE) {
    return {ErrorClass::conflict, address + " is in use by another program", std::nullopt};
  }
  Error error = system_error(error_number, "cannot listen at " + address);
  error.error_class = ErrorClass::config;
  return error;
}

std::string display(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

// The socket interface takes every kind of address as a sockaddr.
const sockaddr* generic(const void* address) {
  return static_cast<const sockaddr*>(address);
}
sockaddr* generic(void* address) {
  return static_cast<sockaddr*>(address);
}

Peer describe(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  const auto address = IpAddress::parse(text.data());
  return address ? Peer{address->text(), address->network()} : Peer{};
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(socket, generic(&storage), &length) != 0) {
    return 0;
  }
  // The port stands at the same place for both families.
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);
}

/// Removes what a daemon that was killed left behind.
Result<> remove_stale(const sockaddr_un& address, const std::string& name) {
  struct stat status {};
  if (lstat(address.sun_path, &status) != 0) {
    return {};
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorClass::config, name + " exists and is not a socket; it is left alone");
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), generic(&address), sizeof address) == 0 || errno != ECONNREFUSED) {
    return fail(listen_error(EADDRINUSE, name));
  }
  if (unlink(address.sun_path) != 0 && errno != ENOENT) {
    return fail(listen_error(errno, name));
  }
  return {};
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  ListenAddress address;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    if (!address.unix_path.starts_with('/')) {
      return fail(ErrorClass::config,
                  "a unix socket needs an absolute path, as in unix:/run/x.sock");
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    host = {};
  }
  const std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size()) {
    return fail(
        ErrorClass::config,
        fmt::format("\"{}\" is no address to listen at: HOST:PORT, [IPv6]:PORT or unix:/path "
                    "is needed",
                    text));
  }
  address.host = host;
  return address;
}

Result<Listener> Listener::open_inet(const ListenAddress& address) {
  const std::string name = display(address.host, address.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (code != 0) {
    return fail(ErrorClass::config,
                fmt::format("cannot listen at {}: {}", name, gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Not SO_REUSEPORT: a second daemon would take half of the connections without anybody noticing.
  const int on = 1;
  if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return fail(listen_error(errno, name));
  }
  // Accepted sockets inherit it. Without it an answer can wait 40 ms for an acknowledgement.
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::uint16_t port = bound_port(socket.get());
  return Listener(std::move(socket), display(address.host, port));
}

Result<Listener> Listener::open_unix(const ListenAddress& address) {
  const std::string name = "unix:" + address.unix_path;
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  if (address.unix_path.size() >= sizeof path.sun_path) {
    return fail(ErrorClass::config,
                fmt::format("{} is longer than the {} bytes a socket's path can have", name,
                            sizeof path.sun_path - 1));
  }
  std::memcpy(path.sun_path, address.unix_path.data(), address.unix_path.size());
  FRESHET_CHECK(remove_stale(path, name));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || bind(socket.get(), generic(&path), sizeof path) != 0) {
    return fail(listen_error(errno, name));
  }
  // Nobody can connect before listen(2), so the mode is right for the first one, whatever the
  // umask.
  Listener listener(std::move(socket), name);
  struct stat status {};
  if (chmod(path.sun_path, address.mode) != 0 || lstat(path.sun_path, &status) != 0) {
    return fail(listen_error(errno, name));
  }
  listener.unix_path_ = address.unix_path;
  listener.device_ = status.st_dev;
  listener.inode_ = status.st_ino;
  return listener;
}

Result<Listener> Listener::open(const ListenAddress& address, int backlog) {
  auto listener = address.unix_path.empty() ? open_inet(address) : open_unix(address);
  if (listener && ::listen(listener->descriptor(), backlog) != 0) {
    return fail(listen_error(errno, listener->address()));
  }
  return listener;
}

Listener::~Listener() {
  struct stat status {};
  if (socket_ && !unix_path_.empty() && lstat(unix_path_.c_str(), &status) == 0 &&
      status.st_dev == device_ && status.st_ino == inode_) {
    unlink(unix_path_.c_str());
  }
}

std::optional<Accepted> Listener::accept() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  const int socket =
      accept4(socket_.get(), generic(&storage), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) {
    return std::nullopt;
  }
  return Accepted{UniqueFd(socket), describe(storage)};
}

}  // namespace freshet::http
