#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "support/git_fixture.h"

namespace freshet::testing {

/// A socket on a free port of 127.0.0.1 that takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as sockets want it
    if (::bind(socket_.get(), generic, size) != 0 || ::listen(socket_.get(), 16) != 0 ||
        ::getsockname(socket_.get(), generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/docs.git"; }

 private:
  UniqueFd socket_;
  int port_ = 0;
};

/// Repositories below a directory over smart HTTP: nginx in front of git-http-backend, as the user
/// who runs the tests. /status/NNN/... answers that status to everything.
class HttpGitServer {
 public:
  explicit HttpGitServer(const std::string& root) {
    {
      const SilentServer free_port;
      port_ = free_port.port();
    }
    must(write_file_atomically(directory_ / "nginx.conf", configuration(root)));
    start({"fcgiwrap", "-c", "2", "-s", "unix:" + directory_ / "fcgi"});
    start({"nginx", "-e", "stderr", "-p", directory_.path(), "-c", directory_ / "nginx.conf"});
    wait_until_it_listens();
  }
  HttpGitServer(const HttpGitServer&) = delete;
  HttpGitServer& operator=(const HttpGitServer&) = delete;
  ~HttpGitServer() {
    stop_.cancel();
    for (std::thread& server : servers_) {
      server.join();
    }
  }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/" + path;
  }

 private:
  void start(std::vector<std::string> arguments) {
    servers_.emplace_back([this, arguments] {
      ChildSpec spec;
      spec.arguments = arguments;
      spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
      static_cast<void>(run_child(spec, stop_));
    });
  }

  void wait_until_it_listens() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const Instant deadline = now() + std::chrono::seconds(20);
    while (now() < deadline) {
      const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto* generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: as above
      if (path_exists(directory_ / "fcgi") &&
          ::connect(socket.get(), generic, sizeof address) == 0) {
        return;
      }
      ::poll(nullptr, 0, 5);
    }
    throw std::runtime_error("nginx or fcgiwrap did not start");
  }

  std::string configuration(const std::string& root) const {
    const std::string& dir = directory_.path();
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += std::string(kind) + "_temp_path " + dir + "/" + kind + ";\n";
    }
    return "daemon off; master_process off; pid " + dir + "/pid;\nevents {}\nhttp {\n" + temporary +
           "access_log off; client_max_body_size 0;\nserver {\nlisten 127.0.0.1:" +
           std::to_string(port_) +
           ";\n"
           "location /status/401/ { add_header WWW-Authenticate 'Basic realm=x' always; return "
           "401; }\n"
           "location /status/403/ { return 403; }\nlocation /status/429/ { return 429; }\n"
           "location /status/500/ { return 500; }\nlocation /status/502/ { return 502; }\n"
           "location /status/200/ { return 200 'hello'; }\n"
           "location /moved/ { rewrite ^/moved(/.*)$ http://127.0.0.1:" +
           std::to_string(port_) +
           "$1 redirect; }\n"
           "location / {\nfastcgi_pass unix:" +
           dir +
           "/fcgi; fastcgi_buffering off;\n"
           "fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;\n"
           "fastcgi_param GIT_PROJECT_ROOT " +
           root +
           ";\nfastcgi_param GIT_HTTP_EXPORT_ALL 1;\n"
           "fastcgi_param GIT_CONFIG_GLOBAL /dev/null;\n"
           "fastcgi_param GIT_PROTOCOL $http_git_protocol;\nfastcgi_param PATH_INFO $uri;\n"
           "fastcgi_param QUERY_STRING $query_string;\n"
           "fastcgi_param REQUEST_METHOD $request_method;\n"
           "fastcgi_param CONTENT_TYPE $content_type;\n"
           "fastcgi_param CONTENT_LENGTH $content_length;\n"
           "fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;\n"
           "fastcgi_param REMOTE_ADDR $remote_addr;\n}\n}\n}\n";
  }

  TemporaryDirectory directory_;
  int port_ = 0;
  CancelToken stop_;
  std::vector<std::thread> servers_;
};

}  // namespace freshet::testing
