#include "remote/curl_client.h"
#include "support/curl_fixture.h"

using namespace freshet;
using namespace freshet::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

/// Answers /STATUS/REST with a redirect of that status to `base` + /REST, and everything else with
/// its own request line, credentials and body.
class RedirectingServer {
 public:
  explicit RedirectingServer(std::string base = "")
      : base_(std::move(base)),
        server_([this](const ScriptRequest& request, ScriptConnection& connection) {
          serve(request, connection);
        }) {}
  std::string url(const std::string& target) const { return server_.url(target); }
  const ScriptServer& server() const { return server_; }

 private:
  void serve(const ScriptRequest& request, const ScriptConnection& connection) const {
    const std::string target = request.target();
    if (target.size() > 4 && target[0] == '/' && target[1] == '3' && target[4] == '/') {
      connection.answer(target.substr(1, 3) + " Moved", "moved",
                        "Location: " + base_ + target.substr(4) + "\r\n");
    } else {
      connection.answer("200 OK", request.line + "|" + request.header("authorization") + "|" +
                                      request.header("private-token") + "|" + request.body);
    }
  }
  std::string base_;
  ScriptServer server_;
};

}  // namespace

TEST_F(CurlTest, ARedirectWithinAHostIsFollowedWithTheCredentialsAndTold) {
  RedirectingServer server;
  for (const char* status : {"301", "302", "303", "307", "308"}) {
    HttpRequest request = get_of(server.url("/" + std::string(status) + "/new.git/info/refs?x=y"));
    request.authorization = Secret("Bearer t");
    const auto reply = must(send(request));
    EXPECT_EQ(reply.body, "GET /new.git/info/refs?x=y HTTP/1.1|Bearer t||");
    EXPECT_EQ(reply.final_url, server.url("/new.git/info/refs?x=y"));
  }
  EXPECT_EQ(server.server().connections(), 1);
}

TEST_F(CurlTest, AnAbsoluteRedirectToTheSameHostCountsAsTheSame) {
  std::string own;
  ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.target() == "/old") {
      connection.answer("301 Moved", "", "Location: " + own + "\r\n");
    } else {
      connection.answer("200 OK", request.header("authorization"));
    }
  });
  own = "HTTP://127.0.0.1:" + std::to_string(server.port()) + "/new#part";
  HttpRequest request = get_of(server.url("/old"));
  request.authorization = Secret("Bearer t");
  const auto reply = must(send(request));
  EXPECT_EQ(reply.body, "Bearer t");
  EXPECT_EQ(reply.final_url, server.url("/new"));
}

TEST_F(CurlTest, AnotherHostOrPortGetsNoCredentialsAndTheErrorNamesBoth) {
  RedirectingServer other;
  for (const std::string& base :
       {"http://127.0.0.1:" + std::to_string(other.server().port()),
        "http://localhost:" + std::to_string(other.server().port()),
        "//localhost:" + std::to_string(other.server().port()),
        "http://ann:pw@localhost:" + std::to_string(other.server().port())}) {
    RedirectingServer server(base);
    HttpRequest with_authorization = get_of(server.url("/302/x"));
    with_authorization.authorization = Secret("Bearer hunter2");
    HttpRequest with_header = get_of(server.url("/302/x"));
    with_header.headers = {{"Private-Token", "hunter2"}};
    for (const HttpRequest& request : {with_authorization, with_header}) {
      expect_error(send(request), ErrorClass::protocol,
                   AllOf(HasSubstr("127.0.0.1:" + std::to_string(server.server().port())),
                         HasSubstr(":" + std::to_string(other.server().port())),
                         Not(HasSubstr("hunter2")), Not(HasSubstr("pw"))));
    }
  }
  EXPECT_EQ(other.server().connections(), 0);
}

TEST_F(CurlTest, WithoutAnythingConfidentialAnotherHostIsFollowed) {
  RedirectingServer other;
  RedirectingServer server("http://ann:pw@localhost:" + std::to_string(other.server().port()));
  HttpRequest request = get_of(server.url("/301/x"));
  request.headers = {{"Git-Protocol", "version=2"}, {"Accept", "*/*"}};
  const auto reply = must(send(request));
  EXPECT_EQ(reply.body, "GET /x HTTP/1.1|||") << "the password in the redirect is not used either";
  EXPECT_EQ(reply.final_url, "http://localhost:" + std::to_string(other.server().port()) + "/x");
}

TEST_F(CurlTest, APostKeepsItsBodyOrIsNotRedirected) {
  RedirectingServer server;
  for (const char* status : {"307", "308"}) {
    const auto reply = must(send(post_of(server.url("/" + std::string(status) + "/x"), "want")));
    EXPECT_EQ(reply.body, "POST /x HTTP/1.1|||want");
  }
  for (const int status : {301, 302, 303}) {
    const auto reply = must(send(post_of(server.url("/" + std::to_string(status) + "/x"), "want")));
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(header_of(reply, "location"), "/x");
  }
}

TEST_F(CurlTest, FiveRedirectsAreFollowedAndSixAreNot) {
  RedirectingServer server;
  EXPECT_EQ(must(send(get_of(server.url("/301/301/301/301/301/x")))).status, 200);
  expect_error(send(get_of(server.url("/301/301/301/301/301/301/x"))), ErrorClass::protocol,
               HasSubstr("more than 5 times"));
}

TEST_F(CurlTest, ARedirectToNoHttpUrlIsRefused) {
  for (const char* base : {"file:///etc", "ftp://example.org", "gopher://x", "http://[::"}) {
    RedirectingServer server(base);
    expect_error(send(get_of(server.url("/301/x"))), ErrorClass::protocol,
                 HasSubstr("no http or https URL"));
  }
}

TEST_F(CurlTest, AStatusWithoutALocationIsTheReply) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("302 Found", "nowhere");
  });
  EXPECT_EQ(must(send(get_of(server.url()))).status, 302);
}
