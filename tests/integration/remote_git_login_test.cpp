#include "remote/git_login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/base64.h"
#include "base/files.h"
#include "base/hmac.h"
#include "remote/git_errors.h"
#include "remote/http_client.h"
#include "support/git_fixture.h"
#include "support/http_git_server.h"

namespace freshet::remote {
namespace {

using freshet::testing::GitRepository;
using freshet::testing::HttpGitServer;
using freshet::testing::must;
using freshet::testing::SilentServer;
using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kUser = "x-access-token";
constexpr std::string_view kPassword = "ghs_p4ss w:rd'\"$(id)\\\xc3\xb6%";

/// nginx that asks for a password in front of a git server. /away/ leads to a second port, where
/// somebody else asks for a password and notes what he is shown.
class ProtectedServer {
 public:
  explicit ProtectedServer(const HttpGitServer& git) {
    must(write_file_atomically(directory_ / "users",
                               std::string(kUser) + ":{SHA}" + to_base64(sha1(kPassword)) + "\n"));
    must(write_file_atomically(directory_ / "nginx.conf", configuration(git.url(""))));
    server_ = std::thread([this] {
      ChildSpec spec;
      spec.arguments = {
          "nginx", "-e", "stderr", "-p", directory_.path(), "-c", directory_ / "nginx.conf"};
      spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
      static_cast<void>(run_child(spec, stop_));
    });
    const Instant deadline = now() + std::chrono::seconds(20);
    while (!path_exists(directory_ / "pid") && now() < deadline) {
      ::poll(nullptr, 0, 5);
    }
  }
  ProtectedServer(const ProtectedServer&) = delete;
  ProtectedServer& operator=(const ProtectedServer&) = delete;
  ~ProtectedServer() {
    stop_.cancel();
    server_.join();
  }

  std::string url(const std::string& path, const std::string& user = "") const {
    return "http://" + user + "127.0.0.1:" + std::to_string(port_) + "/" + path;
  }
  /// One line for each request: "PORT Authorization".
  std::string shown() const { return must(read_file(directory_ / "log")); }
  int port() const { return port_; }
  int other_port() const { return other_port_; }

 private:
  static int free_port() { return SilentServer().port(); }

  std::string configuration(const std::string& git) const {
    const std::string& dir = directory_.path();
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += std::string(kind) + "_temp_path " + dir + "/" + kind + ";\n";
    }
    const std::string guard = "auth_basic docs; auth_basic_user_file " + dir + "/users;\n";
    return "daemon off; master_process off; pid " + dir + "/pid;\nevents {}\nhttp {\n" + temporary +
           "log_format shown '$server_port $http_authorization';\naccess_log " + dir +
           "/log shown;\nserver {\nlisten 127.0.0.1:" + std::to_string(port_) +
           ";\nlocation /away/ { rewrite ^/away(/.*)$ http://127.0.0.1:" +
           std::to_string(other_port_) + "$1 redirect; }\nlocation / {\n" + guard + "proxy_pass " +
           git + ";\nproxy_http_version 1.1;\n}\n}\nserver {\nlisten 127.0.0.1:" +
           std::to_string(other_port_) + ";\nlocation / {\n" + guard + "proxy_pass " + git +
           ";\n}\n}\n}\n";
  }

  TemporaryDirectory directory_;
  int port_ = free_port();
  int other_port_ = free_port();
  CancelToken stop_;
  std::thread server_;
};

class NoApi : public HttpClient {
 public:
  Result<HttpReply> send(const HttpRequest&, const TimeLimits&, const CancelToken&) override {
    return fail(ErrorClass::internal, "nothing is to be asked");
  }
  void send_async(HttpRequest, const TimeLimits&, const CancelToken&, Done) override {}
};

/// Which of the running processes hold the text, in their command line or environment.
std::vector<std::string> processes_showing(std::string_view text) {
  std::vector<std::string> found;
  for (const std::string& process : must(list_directory("/proc"))) {
    for (const char* what : {"/cmdline", "/environ"}) {
      const auto content = read_file("/proc/" + process + what);
      if (content && content->find(text) != std::string::npos) {
        found.push_back(process + what);
      }
    }
  }
  return found;
}

class GitLoginTest : public ::testing::Test {
 protected:
  GitLoginTest() { tip_ = repository_.commit({{"page", "1"}}).hex(); }

  GitLogin login(const std::string& upstream, std::string_view password = kPassword) const {
    return must(GitLogin::over_http(must(UpstreamUrl::parse(upstream)),
                                    HttpLogin{std::string(kUser), Secret(std::string(password))},
                                    ""));
  }

  ChildResult git(const GitLogin& login, std::vector<std::string> arguments,
                  std::function<void(std::string_view)> on_error_line = {}) const {
    ChildSpec child;
    child.arguments = std::move(arguments);
    child.arguments.insert(child.arguments.begin(), "git");
    login.give_to(child, environment_);
    if (on_error_line) {
      child.environment.emplace_back("GIT_TRACE=1");
      child.on_error_line = std::move(on_error_line);
    }
    child.directory = directory_.path();
    child.time_limit = std::chrono::seconds(60);
    return must(run_child(child, CancelToken()));
  }
  ChildResult list(const GitLogin& login, const std::string& upstream) const {
    return git(login, {"ls-remote", "--", upstream, "HEAD"});
  }

  TemporaryDirectory directory_;
  const GitRepository repository_{directory_ / "root/site"};
  const HttpGitServer git_server_{directory_ / "root"};
  const ProtectedServer server_{git_server_};
  const GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  const std::string site_ = server_.url("site/.git");
  std::string tip_;
};

TEST_F(GitLoginTest, SignsInWithAnyPassword) {
  const ChildResult listed = list(login(site_), site_);
  EXPECT_TRUE(listed.succeeded()) << listed.error_text;
  EXPECT_EQ(listed.output, tip_ + "\tHEAD\n");
}

TEST_F(GitLoginTest, SignsInForEveryRequestOfEveryChild) {
  const GitLogin login = this->login(site_);
  const ChildResult cloned = git(login, {"clone", "--bare", "--", site_, "clone"});
  EXPECT_TRUE(cloned.succeeded()) << cloned.error_text;
  for (int i = 0; i < 2; ++i) {
    const ChildResult fetched = git(login, {"-C", "clone", "fetch", "--", site_, "main"});
    EXPECT_TRUE(fetched.succeeded()) << fetched.error_text;
  }
}

TEST_F(GitLoginTest, GoesBeforeAUserInTheUrl) {
  const std::string upstream = server_.url("site/.git", "ann@");
  const ChildResult listed = list(login(upstream), upstream);
  EXPECT_TRUE(listed.succeeded()) << listed.error_text;
}

TEST_F(GitLoginTest, EndsWithAnAuthErrorWhenItIsRefusedOrMissing) {
  const GitLogin wrong = login(site_, "wr0ng-password");
  const GitLogin none;
  for (const GitLogin* login : {&wrong, &none}) {
    const ChildResult refused = list(*login, site_);
    ASSERT_FALSE(refused.succeeded());
    const Error error = explain_git_failure(refused);
    EXPECT_EQ(error.error_class, ErrorClass::auth) << error.message;
    EXPECT_THAT(refused.error_text, Not(HasSubstr("wr0ng")));
  }
}

TEST_F(GitLoginTest, ShowsTheSecretToNoProcessListAndNoTrace) {
  const GitLogin login = this->login(site_);
  bool helper_ran = false;
  std::string traced;
  std::vector<std::string> showing;
  const ChildResult listed = git(login, {"ls-remote", "--", site_}, [&](std::string_view line) {
    traced += std::string(line) + "\n";
    helper_ran = helper_ran || line.find("/proc/self/fd/") != std::string_view::npos;
    const auto now_showing = processes_showing(kPassword);
    showing.insert(showing.end(), now_showing.begin(), now_showing.end());
  });
  EXPECT_TRUE(listed.succeeded()) << listed.error_text;
  EXPECT_TRUE(helper_ran) << traced;
  EXPECT_THAT(showing, ::testing::IsEmpty());
  EXPECT_THAT(traced, Not(HasSubstr(std::string(kPassword))));
  EXPECT_THAT(traced, HasSubstr("remote-http")) << "the trace shows command lines";
}

TEST_F(GitLoginTest, IsNotShownToAnotherPortThatARedirectLeadsTo) {
  const std::string header =
      "Basic " + to_base64(std::string(kUser) + ":" + std::string(kPassword));
  const ChildResult direct = list(login(site_), site_);
  ASSERT_TRUE(direct.succeeded()) << direct.error_text;
  ASSERT_THAT(server_.shown(), HasSubstr(std::to_string(server_.port()) + " " + header));

  const std::string away = server_.url("away/site/.git");
  const ChildResult redirected = list(login(away), away);
  EXPECT_FALSE(redirected.succeeded());
  const std::string other = std::to_string(server_.other_port());
  EXPECT_THAT(server_.shown(), HasSubstr(other + " -"));
  EXPECT_THAT(server_.shown(), Not(HasSubstr(other + " Basic " + header.substr(6))));
}

TEST_F(GitLoginTest, IsFoundByTheCredentials) {
  CredentialSpec spec;
  spec.match = server_.url("*");
  spec.token_file = directory_ / "token";
  must(write_new_file(spec.token_file, kPassword, 0600));
  NoApi api;
  Credentials credentials({spec}, api);
  const auto found =
      must(GitLogin::find(credentials, must(UpstreamUrl::parse(site_)), "", CancelToken()));
  EXPECT_TRUE(list(found, site_).succeeded());
  ASSERT_TRUE(found.http_login());
  EXPECT_EQ(found.http_login()->password.reveal(), kPassword);
  const auto local =
      must(GitLogin::find(credentials, must(UpstreamUrl::parse("/srv/docs")), "", CancelToken()));
  EXPECT_FALSE(local.http_login());
}

}  // namespace
}  // namespace freshet::remote
