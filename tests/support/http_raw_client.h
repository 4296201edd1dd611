#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace freshet::http {

struct RawAnswer {
  int status = 0;  ///< 0: the connection ended without one
  std::string head;
  std::string body;

  bool has(std::string_view field) const { return head.find(field) != std::string::npos; }
};

/// A client that sends whatever bytes a test wants.
class RawClient {
 public:
  /// `from`: the address of this side, one of 127.0.0.0/8.
  explicit RawClient(const std::string& address, const std::string& from = "") {
    if (address.starts_with("unix:")) {
      sockaddr_un path{};
      path.sun_family = AF_UNIX;
      std::memcpy(path.sun_path, address.data() + 5, address.size() - 5);
      connect_to(AF_UNIX, &path, sizeof path);
      return;
    }
    const std::size_t colon = address.rfind(':');
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &v4.sin_addr);
    from_ = from;
    connect_to(AF_INET, &v4, sizeof v4);
  }

  bool connected() const { return connected_; }

  /// False: the other side has closed or takes nothing for ten seconds.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next answer. `bodiless`: of a HEAD request.
  RawAnswer answer(bool bodiless = false) {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) {
        return answer;
      }
    }
    answer.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    const std::size_t field = answer.head.find("Content-Length: ");
    const std::size_t length =
        field == std::string::npos || bodiless ? 0 : std::stoul(answer.head.substr(field + 16));
    while (buffer_.size() < length && receive()) {
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  RawAnswer ask(std::string_view bytes) {
    send(bytes);
    return answer();
  }

  /// Takes bytes until `text` is among them; all up to and with it. Empty: it did not come.
  std::string until(std::string_view text) {
    std::size_t at = 0;
    while ((at = buffer_.find(text)) == std::string::npos) {
      if (!receive()) {
        return {};
      }
    }
    std::string taken = buffer_.substr(0, at + text.size());
    buffer_.erase(0, at + text.size());
    return taken;
  }

  /// Waits for the other side to close. False: it sent something first, or left it open for ten
  /// seconds.
  bool ended() {
    if (!buffer_.empty()) {
      return false;
    }
    const bool more = receive();
    return !more && (errno == 0 || errno == ECONNRESET);
  }

  /// Whether nothing has come, not even an end, at this moment.
  bool silent() const {
    pollfd entry{socket_.get(), POLLIN, 0};
    return buffer_.empty() && ::poll(&entry, 1, 0) == 0;
  }

  void end_writing() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  int descriptor() const { return socket_.get(); }

 private:
  template <class Address>
  void connect_to(int family, const Address* address, socklen_t length) {
    socket_.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!from_.empty()) {
      sockaddr_in own{};
      own.sin_family = AF_INET;
      inet_pton(AF_INET, from_.c_str(), &own.sin_addr);
      EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    }
    connected_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(address), length) == 0;
  }

  bool receive() {
    char bytes[16 * 1024];
    errno = 0;
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) {
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd socket_;
  std::string from_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace freshet::http
