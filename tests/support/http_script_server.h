#pragma once

#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/unique_fd.h"
#include "support/http_git_server.h"

/// A small server for clients under test, whose answers a test writes byte by byte.
namespace freshet::testing {

struct ScriptRequest {
  std::string line;  ///< "GET /path HTTP/1.1"
  std::string head;  ///< all of it
  std::string body;

  std::string target() const {
    const auto start = line.find(' ') + 1;
    return line.substr(start, line.find(' ', start) - start);
  }
  /// The value of a header; empty when it is not there.
  std::string header(std::string_view name) const {
    for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at)) {
      at += 2;
      const std::size_t colon = at + name.size();
      if (colon < head.size() && head[colon] == ':' &&
          ::strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
        const auto value = head.find_first_not_of(' ', colon + 1);
        return head.substr(value, head.find("\r\n", value) - value);
      }
    }
    return {};
  }
};

/// One connection, in the thread that serves it.
class ScriptConnection {
 public:
  ScriptConnection(int socket, int number, const CancelToken& stop)
      : socket_(socket), number_(number), stop_(stop) {}

  int number() const { return number_; }  ///< from 1

  /// False: the client has gone.
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      if (!wait(POLLOUT)) {
        return false;
      }
      const ssize_t sent =
          ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool answer(std::string_view status, std::string_view body, std::string_view headers = "") const {
    return write("HTTP/1.1 " + std::string(status) +
                 "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                 std::string(headers) + "\r\n" + std::string(body));
  }
  /// Says nothing until the client closes the connection.
  void wait_for_end() const {
    std::array<char, 4096> buffer{};
    while (wait(POLLIN) && ::recv(socket_.get(), buffer.data(), buffer.size(), 0) > 0) {
    }
  }
  /// False: the client has gone meanwhile, or the server ends.
  bool pause(int milliseconds) const { return !wait(POLLRDHUP, milliseconds); }
  void close() { closing_ = true; }
  bool closing() const { return closing_; }

  /// False: the client is done.
  bool read(ScriptRequest& request) {
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) {
        return false;
      }
    }
    request.line = input_.substr(0, input_.find("\r\n"));
    request.head = input_.substr(0, end + 2);
    const std::string length = request.header("content-length");
    const std::size_t size = end + 4 + (length.empty() ? 0 : std::stoul(length));
    while (input_.size() < size) {
      if (!read_more()) {
        return false;
      }
    }
    request.body = input_.substr(end + 4, size - end - 4);
    input_.erase(0, size);
    return true;
  }

 private:
  /// True: `events`, or the other side's end; false: the server ends, or the time is over.
  bool wait(int events, int milliseconds = -1) const {
    std::array<pollfd, 2> watched{
        {{socket_.get(), static_cast<short>(events), 0}, {stop_.descriptor(), POLLIN, 0}}};
    return ::poll(watched.data(), watched.size(), milliseconds) > 0 && watched[1].revents == 0;
  }
  bool read_more() {
    std::array<char, 65536> buffer;  // NOLINT: filled by recv
    if (!wait(POLLIN)) {
      return false;
    }
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      input_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return got > 0;
  }

  UniqueFd socket_;
  int number_;
  const CancelToken& stop_;
  std::string input_;
  bool closing_ = false;
};

class ScriptServer {
 public:
  using Script = std::function<void(const ScriptRequest&, ScriptConnection&)>;

  explicit ScriptServer(Script script) : script_(std::move(script)), listener_(listen_socket()) {
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;
  ~ScriptServer() {
    stop_.cancel();
    acceptor_.join();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  int port() const { return port_; }
  std::string url(const std::string& target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + target;
  }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  /// Waits until so many requests have come.
  void await_requests(int count) const {
    while (requests_ < count) {
      ::poll(nullptr, 0, 1);
    }
  }

 private:
  UniqueFd listen_socket() {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as sockets want it
    if (::bind(socket.get(), generic, size) != 0 || ::listen(socket.get(), 1024) != 0 ||
        ::getsockname(socket.get(), generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    return socket;
  }

  void accept_all() {
    for (;;) {
      std::array<pollfd, 2> watched{
          {{listener_.get(), POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 || watched[1].revents != 0) {
        return;
      }
      const int socket = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0) {
        const int number = ++connections_;
        threads_.emplace_back([this, socket, number] { serve(socket, number); });
      }
    }
  }

  void serve(int socket, int number) {
    ScriptConnection connection(socket, number, stop_);
    ScriptRequest request;
    while (!connection.closing() && connection.read(request)) {
      ++requests_;
      script_(request, connection);
    }
  }

  const Script script_;
  CancelToken stop_;
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  int port_ = 0;
  UniqueFd listener_;
  std::vector<std::thread> threads_;  // of the acceptor until it was joined
  std::thread acceptor_;
};

}  // namespace freshet::testing
