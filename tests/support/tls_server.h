#pragma once

#include <string>
#include <thread>
#include <vector>

#include "support/http_git_server.h"

namespace freshet::testing {

/// nginx that speaks HTTPS with a certificate of an authority of its own, for "localhost".
class TlsServer {
 public:
  /// `locations` is nginx configuration; `http2`: offers it.
  TlsServer(const std::string& locations, bool http2) {
    make_certificates();
    {
      const SilentServer free_port;
      port_ = free_port.port();
    }
    must(write_file_atomically(directory_ / "nginx.conf", configuration(locations, http2)));
    server_ = std::thread([this] {
      ChildSpec spec;
      spec.arguments = {
          "nginx", "-e", "stderr", "-p", directory_.path(), "-c", directory_ / "nginx.conf"};
      spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
      static_cast<void>(run_child(spec, stop_));
    });
    if (!listens()) {
      stop_.cancel();
      server_.join();
      throw std::runtime_error("nginx did not start");
    }
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() {
    stop_.cancel();
    server_.join();
  }

  std::string ca_file() const { return directory_ / "ca.pem"; }
  int port() const { return port_; }
  std::string url(const std::string& target = "/", const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(port_) + target;
  }

 private:
  void make_certificates() const {
    const std::string& dir = directory_.path();
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=Test authority", "-days", "30", "-keyout", dir + "/ca.key", "-out",
             dir + "/ca.pem"});
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=localhost", "-keyout", dir + "/key.pem", "-out", dir + "/request.pem"});
    must(write_file_atomically(dir + "/extensions", "subjectAltName=DNS:localhost\n"));
    openssl({"x509", "-req", "-in", dir + "/request.pem", "-CA", dir + "/ca.pem", "-CAkey",
             dir + "/ca.key", "-CAcreateserial", "-days", "30", "-extfile", dir + "/extensions",
             "-out", dir + "/cert.pem"});
  }
  static void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const ChildResult result = run(std::move(arguments));
    if (!result.succeeded()) {
      throw std::runtime_error("openssl: " + result.error_text);
    }
  }

  /// Waits for it.
  bool listens() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const Instant deadline = now() + std::chrono::seconds(20);
    while (now() < deadline) {
      const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto* generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: as sockets do
      if (::connect(socket.get(), generic, sizeof address) == 0) {
        return true;
      }
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

  std::string configuration(const std::string& locations, bool http2) const {
    const std::string& dir = directory_.path();
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += std::string(kind) + "_temp_path " + dir + "/" + kind + ";\n";
    }
    return "daemon off; master_process off; pid " + dir +
           "/pid;\nevents { worker_connections 4096; }\nhttp {\n" + temporary +
           "access_log off; client_max_body_size 0; keepalive_requests 1000000;\n"
           "proxy_buffering off; proxy_http_version 1.1; proxy_read_timeout 600s;\n"
           "ssl_session_cache shared:tls:1m;\nserver {\nlisten 127.0.0.1:" +
           std::to_string(port_) + " ssl" + (http2 ? " http2" : "") + ";\nssl_certificate " + dir +
           "/cert.pem;\nssl_certificate_key " + dir +
           "/key.pem;\n"
           "location /who { return 200 '$connection $server_protocol $ssl_session_reused'; }\n" +
           locations + "}\n}\n";
  }

  TemporaryDirectory directory_;
  int port_ = 0;
  CancelToken stop_;
  std::thread server_;
};

}  // namespace freshet::testing
