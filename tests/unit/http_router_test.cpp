#include "http/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "http/answer.h"

namespace freshet::http {
namespace {

Request ask(std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

Endpoint endpoint(std::string method, const std::string& label) {
  return {std::move(method), [label](const Request&, const PathValues& values) {
            Response response;
            response.body = label;
            for (const std::string& value : values) {
              response.body += "," + value;
            }
            return response;
          }};
}

Router make_router(Guard guard = {}) {
  Route hook{"/hook", {endpoint("POST", "hook")}};
  hook.guard = [](const Request& head) -> std::optional<Response> {
    return head.headers.find("X-Configured") ? std::nullopt : std::optional(not_found_response());
  };
  hook.endpoints[0].body = {100, {"application/json"}};
  hook.endpoints[0].before_body = [](const Request& head) -> std::optional<Response> {
    return head.headers.find("X-Late") ? std::optional(error_response(429, "slow", "wait"))
                                       : std::nullopt;
  };
  return Router({{"/", {endpoint("GET", "root")}},
                 {"/r/{name}/refresh", {endpoint("POST", "refresh")}},
                 {"/r/{name}", {endpoint("GET", "one"), endpoint("DELETE", "gone")}},
                 {"/r", {endpoint("GET", "all")}},
                 {"/from/{a}/to/{b}", {endpoint("GET", "pair")}},
                 hook},
                std::move(guard));
}

/// The status before the body, or else what the handler answers.
std::string outcome(const Request& request) {
  Router router = make_router();
  if (const auto early = router.before_body(request)) {
    return std::to_string(early->status);
  }
  return router.respond(request).body;
}

TEST(Router, finds_the_route_by_method_and_path) {
  EXPECT_EQ(outcome(ask("GET", "/")), "root");
  EXPECT_EQ(outcome(ask("GET", "/r")), "all");
  EXPECT_EQ(outcome(ask("GET", "/r/docs")), "one,docs");
  EXPECT_EQ(outcome(ask("DELETE", "/r/docs")), "gone,docs");
  EXPECT_EQ(outcome(ask("POST", "/r/docs/refresh")), "refresh,docs");
}

TEST(Router, takes_one_or_more_segments_for_a_name) {
  EXPECT_EQ(outcome(ask("GET", "/r/host/acme/docs")), "one,host/acme/docs");
  EXPECT_EQ(outcome(ask("POST", "/r/host/acme/docs/refresh")), "refresh,host/acme/docs");
  EXPECT_EQ(outcome(ask("POST", "/r/a/refresh/refresh")), "refresh,a/refresh");
  EXPECT_EQ(outcome(ask("GET", "/from/a/b/to/c/d")), "pair,a/b,c/d");
}

TEST(Router, knows_no_path_that_only_begins_or_ends_like_a_route) {
  for (const std::string path : {"/r/", "/r//", "/r/a/", "/r//a", "/ra", "/R", "", "/r/a//b", "//",
                                 "/from/to/b", "/from/a/to/", "/hook/", "/x"}) {
    EXPECT_EQ(outcome(ask("GET", path)), "404") << path;
  }
}

TEST(Router, answers_another_method_with_those_that_work) {
  const auto answer = make_router().before_body(ask("PUT", "/r/docs"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  ASSERT_EQ(answer->headers.size(), 1U);
  EXPECT_EQ(answer->headers[0], std::pair(std::string("Allow"), std::string("GET, HEAD, DELETE")));
  EXPECT_EQ(outcome(ask("GET", "/r/docs/refresh")), "405");
}

TEST(Router, lets_a_routes_guard_answer_before_the_method_is_looked_at) {
  EXPECT_EQ(outcome(ask("PUT", "/hook")), "404");
  const auto hidden = make_router().before_body(ask("PUT", "/hook"));
  const auto unknown = make_router().before_body(ask("PUT", "/unknown"));
  EXPECT_EQ(hidden->body, unknown->body);
  EXPECT_EQ(hidden->headers, unknown->headers);
  Request configured = ask("PUT", "/hook");
  configured.headers.add("X-Configured", "yes");
  EXPECT_EQ(outcome(configured), "405");
  configured.method = "POST";
  EXPECT_EQ(outcome(configured), "hook");
  configured.headers.add("X-Late", "yes");
  EXPECT_EQ(outcome(configured), "429");
}

TEST(Router, asks_the_guard_over_all_for_unknown_paths_too) {
  Router router = make_router([](const Request&) { return error_response(403, "no", "no"); });
  EXPECT_EQ(router.before_body(ask("GET", "/unknown"))->status, 403);
}

TEST(Router, gives_each_endpoint_its_own_body_policy) {
  const Router router = make_router();
  EXPECT_EQ(router.body_policy(ask("POST", "/hook")).max_bytes, 100U);
  EXPECT_TRUE(router.body_policy(ask("GET", "/r")).media_types.empty());
  EXPECT_TRUE(router.body_policy(ask("GET", "/unknown")).media_types.empty());
}

TEST(Router, refuses_a_pattern_that_cannot_be_meant) {
  for (const std::string pattern : {"", "r", "/a{b}", "/{a", "/{a}b", "/{a}{b}"}) {
    EXPECT_THROW(Router({{pattern, {}}}), std::invalid_argument) << pattern;
  }
}

TEST(Serialize, leaves_out_a_field_that_would_break_out_of_its_line) {
  Response response;
  response.headers = {{"Location", "/a\r\nSet-Cookie: x"}, {"X-Good", "yes"}};
  const std::string bytes = serialize(response, {});
  EXPECT_EQ(bytes.find("Set-Cookie"), std::string::npos);
  EXPECT_NE(bytes.find("X-Good: yes\r\n"), std::string::npos);
}

TEST(Serialize, gives_no_length_to_an_answer_that_never_has_a_body) {
  Response response;
  response.status = 204;
  EXPECT_EQ(serialize(response, {}).find("Content-Length"), std::string::npos);
}

}  // namespace
}  // namespace freshet::http
