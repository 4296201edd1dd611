#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/subprocess.h"
#include "support/git_fixture.h"
#include "support/http_git_server.h"

namespace freshet::testing {

/// `git daemon` on a free port, for all repositories below a directory.
class GitDaemon {
 public:
  explicit GitDaemon(const std::string& root) {
    server_ = std::thread([this, root] {
      ChildSpec spec;
      spec.arguments = {"git",
                        "-c",
                        "safe.directory=*",
                        "daemon",
                        "--export-all",
                        "--reuseaddr",
                        "--informative-errors",
                        "--listen=127.0.0.1",
                        "--port=" + std::to_string(port_),
                        "--base-path=" + root};
      spec.environment = git_test_environment();
      static_cast<void>(run_child(spec, stop_));
    });
    const Instant deadline = now() + std::chrono::seconds(20);
    while (!is_listening() && now() < deadline) {
      ::poll(nullptr, 0, 5);
    }
  }
  GitDaemon(const GitDaemon&) = delete;
  GitDaemon& operator=(const GitDaemon&) = delete;
  ~GitDaemon() {
    stop_.cancel();
    server_.join();
  }

  std::string url(const std::string& path) const {
    return "git://127.0.0.1:" + std::to_string(port_) + "/" + path;
  }

 private:
  bool is_listening() const {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(client.get(),
                     reinterpret_cast<sockaddr*>(&address),  // NOLINT: as sockets want
                     sizeof address) == 0;
  }

  const int port_ = SilentServer().port();
  CancelToken stop_;
  std::thread server_;
};

}  // namespace freshet::testing
