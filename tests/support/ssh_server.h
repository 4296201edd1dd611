#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/subprocess.h"
#include "base/url.h"
#include "support/git_fixture.h"
#include "support/http_git_server.h"

/// An upstream's host over ssh.
namespace freshet::testing {

/// sshd on a free port, for the user who runs the tests and one key.
class SshServer {
 public:
  SshServer() {
    must(make_directories("/run/sshd"));  // sshd wants it; its service makes it
    must(make_directories(keys_));
    for (const char* name : {"host_key", "key", "stranger"}) {
      EXPECT_TRUE(
          run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key(name)}).succeeded());
    }
    must(write_new_file(key("known_hosts"), "[127.0.0.1]:" + std::to_string(port_) + " " +
                                                must(read_file(key("host_key.pub")))));
    must(write_new_file(directory_ / "authorized_keys", must(read_file(key("key.pub")))));
    must(write_new_file(directory_ / "host_key", must(read_file(key("host_key"))), 0600));
    must(write_new_file(directory_ / "config", configuration()));
    server_ = std::thread([this] {
      ChildSpec spec;
      spec.arguments = {"/usr/sbin/sshd", "-D", "-E", log_, "-f", directory_ / "config"};
      spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
      static_cast<void>(run_child(spec, stop_));
    });
    const Instant deadline = now() + std::chrono::seconds(20);
    while (lines("Server listening") == 0 && now() < deadline) {
      ::poll(nullptr, 0, 5);
    }
  }
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;
  ~SshServer() {
    stop_.cancel();
    server_.join();
  }

  UpstreamUrl url(const std::string& path) const {
    return must(
        UpstreamUrl::parse("ssh://" + user_ + "@127.0.0.1:" + std::to_string(port_) + path));
  }
  /// In a directory whose name tempts every parser on the way.
  std::string key(const std::string& name) const { return keys_ + "/" + name; }
  long connections() const { return lines("Accepted publickey"); }
  /// Commands that were run, over however many connections.
  long sessions() const { return lines("Starting session: command"); }

 private:
  std::string configuration() const {
    return "ListenAddress 127.0.0.1\nPort " + std::to_string(port_) + "\nHostKey " +
           (directory_ / "host_key") + "\nAuthorizedKeysFile " + (directory_ / "authorized_keys") +
           "\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
           "KbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
           "LogLevel VERBOSE\n";
  }
  long lines(std::string_view text) const {
    const std::string log = read_file(log_).value_or("");
    long count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) {
      ++count;
    }
    return count;
  }

  TemporaryDirectory directory_;
  const std::string keys_ = directory_ / "it's \"100%h\" #1 \\ $HOME";
  const std::string log_ = directory_ / "log";
  const int port_ = SilentServer().port();
  const std::string user_ = ::getpwuid(::getuid())->pw_name;  // NOLINT(concurrency-mt-unsafe)
  CancelToken stop_;
  std::thread server_;
};

}  // namespace freshet::testing
