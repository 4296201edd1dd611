#include "http/guard.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace freshet::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Request ask(const Fields& fields, std::string peer = "127.0.0.1") {
  Request request;
  request.peer = std::move(peer);
  for (const auto& [name, value] : fields) {
    request.headers.add(name, value);
  }
  return request;
}

/// 0: let through.
int status(const Request& request) {
  static const OriginGuard kGuard({"Status.Example"});
  const auto answer = kGuard(request);
  return answer ? answer->status : 0;
}

TEST(OriginGuard, takes_addresses_localhost_and_configured_names_with_any_port_and_case) {
  for (const std::string host : {"127.0.0.1", "127.0.0.1:8481", "[::1]:8481", "[::1]", "localhost",
                                 "LocalHost:1", "status.example:8481", "STATUS.EXAMPLE"}) {
    EXPECT_EQ(status(ask({{"Host", host}})), 0) << host;
  }
}

TEST(OriginGuard, refuses_foreign_names_which_is_how_rebinding_comes) {
  for (const std::string host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "status.example.evil",
        "", ":80", "[::1", "[localhost]x", "localhost:x", "localhost:0", "127.1", "0x7f.1"}) {
    EXPECT_EQ(status(ask({{"Host", host}})), 403) << host;
  }
  EXPECT_EQ(status(ask({})), 403);
}

TEST(OriginGuard, lets_a_unix_peer_name_any_host) {
  EXPECT_EQ(status(ask({{"Host", "whatever"}}, "")), 0);
  EXPECT_EQ(status(ask({}, "")), 0);
  EXPECT_EQ(status(ask({{"Host", "whatever"}, {"Origin", "http://evil.example"}}, "")), 403);
}

TEST(OriginGuard, compares_the_origin_with_the_host) {
  const auto pair = [](std::string host, std::string origin) {
    return status(ask({{"Host", std::move(host)}, {"Origin", std::move(origin)}}));
  };
  EXPECT_EQ(pair("localhost:8481", "http://localhost:8481"), 0);
  EXPECT_EQ(pair("Localhost:8481", "https://LOCALHOST:8481"), 0);
  EXPECT_EQ(pair("status.example", "https://status.example"), 0);
  EXPECT_EQ(pair("localhost:80", "http://localhost"), 0);
  EXPECT_EQ(pair("localhost:443", "https://localhost"), 0);
  EXPECT_EQ(pair("[::1]:8481", "http://[::1]:8481"), 0);
  EXPECT_EQ(pair("localhost:8481", "http://localhost:3000"), 403);
  EXPECT_EQ(pair("localhost:8481", "http://localhost"), 403);
  EXPECT_EQ(pair("localhost:8481", "http://127.0.0.1:8481"), 403);
  EXPECT_EQ(pair("localhost:8481", "http://evil.example"), 403);
  EXPECT_EQ(pair("localhost:8481", "null"), 403);
  EXPECT_EQ(pair("localhost:8481", ""), 403);
  EXPECT_EQ(pair("localhost:8481", "file://localhost:8481"), 403);
}

TEST(OriginGuard, refuses_two_origins) {
  EXPECT_EQ(status(ask({{"Host", "localhost"},
                        {"Origin", "http://localhost"},
                        {"Origin", "http://evil.example"}})),
            403);
}

TEST(OriginGuard, believes_the_browser_about_where_a_request_comes_from) {
  for (const auto& [site, expected] : {std::pair("same-origin", 0), std::pair("none", 0),
                                       std::pair("cross-site", 403), std::pair("same-site", 403)}) {
    EXPECT_EQ(status(ask({{"Host", "localhost"}, {"Sec-Fetch-Site", site}})), expected) << site;
  }
}

TEST(OriginGuard, lets_somebody_follow_a_link_to_the_page_and_no_further) {
  const auto link = [](std::string method, std::string path, std::string mode, std::string dest) {
    Request request = ask({{"Host", "localhost"},
                           {"Sec-Fetch-Site", "cross-site"},
                           {"Sec-Fetch-Mode", std::move(mode)},
                           {"Sec-Fetch-Dest", std::move(dest)}});
    request.method = std::move(method);
    request.path = std::move(path);
    return status(request);
  };
  EXPECT_EQ(link("GET", "/", "navigate", "document"), 0);
  EXPECT_EQ(link("GET", "/", "navigate", "iframe"), 403);
  EXPECT_EQ(link("GET", "/", "no-cors", "empty"), 403);
  EXPECT_EQ(link("GET", "/api/v1/repositories", "navigate", "document"), 403);
  EXPECT_EQ(link("POST", "/", "navigate", "document"), 403);
}

Result<Secret> token() {
  return Secret("open sesame");
}

int token_status(const Fields& fields) {
  const auto answer = check_token(ask(fields), token);
  return answer ? answer->status : 0;
}

TEST(CheckToken, takes_the_token_as_bearer_or_as_the_password_of_basic) {
  EXPECT_EQ(token_status({{"Authorization", "Bearer open sesame"}}), 0);
  EXPECT_EQ(token_status({{"Authorization", "bearer open sesame"}}), 0);
  EXPECT_EQ(token_status({{"Authorization", "Basic YWRtaW46b3BlbiBzZXNhbWU="}}), 0);
  EXPECT_EQ(token_status({{"Authorization", "Basic Om9wZW4gc2VzYW1l"}}), 0);
}

TEST(CheckToken, refuses_everything_else_and_says_what_is_needed) {
  for (const std::string value : {"", "Bearer", "Bearer ", "Bearer open", "Bearer open sesame2",
                                  "open sesame", "Basic open sesame", "Basic !!!",
                                  "Basic b3BlbiBzZXNhbWU=", "Basic ", "Digest open sesame"}) {
    EXPECT_EQ(token_status({{"Authorization", value}}), 401) << value;
  }
  EXPECT_EQ(token_status({}), 401);
  const std::string right = "Bearer open sesame";
  EXPECT_EQ(token_status({{"Authorization", right}, {"Authorization", right}}), 401);
  const auto answer = check_token(ask({}), token);
  EXPECT_EQ(std::count_if(answer->headers.begin(), answer->headers.end(),
                          [](const auto& field) { return field.first == "WWW-Authenticate"; }),
            2);
}

TEST(CheckToken, lets_nobody_in_while_the_token_cannot_be_read) {
  const auto answer = check_token(ask({{"Authorization", "Bearer "}}), [] {
    return Result<Secret>(fail(ErrorClass::config, "/etc/token cannot be read"));
  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body.find("/etc"), std::string::npos);
  EXPECT_EQ(
      check_token(ask({{"Authorization", "Bearer "}}), [] { return Result<Secret>(Secret()); })
          ->status,
      500);
}

}  // namespace
}  // namespace freshet::http
