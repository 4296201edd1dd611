// What a server answers to well-behaved clients.
#include "support/http_test_server.h"

namespace freshet::http {
namespace {

class HttpRequests : public HttpServer {
 protected:
  void SetUp() override { start(); }
};

TEST_F(HttpRequests, an_answer_carries_its_length_type_and_the_protective_fields_but_no_banner) {
  const RawAnswer answer = client().ask(get("/say/hello"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "/say/hello");
  EXPECT_TRUE(answer.has("Content-Length: 10\r\n"));
  EXPECT_TRUE(answer.has("Content-Type: text/plain\r\n"));
  EXPECT_TRUE(answer.has("Cache-Control: no-store\r\n"));
  EXPECT_TRUE(answer.has("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_TRUE(answer.has("X-Peer: 127.0.0.1\r\n"));
  EXPECT_FALSE(answer.has("Server:"));
}

TEST_F(HttpRequests, many_requests_use_one_connection) {
  RawClient one = client();
  for (int i = 0; i < 100; ++i) {
    const std::string body = "number " + std::to_string(i);
    EXPECT_EQ(one.ask(post("/echo", body)).body, body);
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpRequests, pipelined_requests_are_answered_in_their_order) {
  RawClient one = client();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all +=
        i % 2 == 0 ? post("/echo", "body" + std::to_string(i)) : get("/say/" + std::to_string(i));
  }
  const auto begin = now();
  ASSERT_TRUE(one.send(all));
  for (int i = 0; i < 50; ++i) {
    const std::string expected = (i % 2 == 0 ? "body" : "/say/") + std::to_string(i);
    EXPECT_EQ(one.answer().body, expected);
  }
  // A lost wake-up costs a second each.
  EXPECT_LT(now() - begin, std::chrono::seconds(5));
}

TEST_F(HttpRequests, a_body_in_chunks_is_put_together) {
  EXPECT_EQ(client()
                .ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "5\r\nhello\r\n1;name=value\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n")
                .body,
            "hello world");
}

TEST_F(HttpRequests, a_request_that_comes_byte_by_byte_is_understood) {
  RawClient one = client();
  for (const char c : post("/echo", "slowly") + get("/say/next")) {
    ASSERT_TRUE(one.send({&c, 1}));
  }
  EXPECT_EQ(one.answer().body, "slowly");
  EXPECT_EQ(one.answer().body, "/say/next");
}

TEST_F(HttpRequests, a_long_body_arrives_whole) {
  std::string body(1'048'576, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>(i * 7 + i / 256);
  }
  RawClient one = client();
  EXPECT_TRUE(one.ask(post("/echo", body)).body == body);
  EXPECT_EQ(one.ask(get("/say/next")).status, 200);
  EXPECT_EQ(options_.bodies->used(), 0U);
}

TEST_F(HttpRequests,
       a_client_that_expects_100_continue_is_invited_and_only_when_the_body_is_wanted) {
  const std::string expecting = "Host: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  RawClient wanted = client();
  EXPECT_EQ(wanted.ask("POST /echo HTTP/1.1\r\n" + expecting).status, 100);
  EXPECT_EQ(wanted.ask("body").body, "body");
  RawClient unwanted = client();
  EXPECT_EQ(unwanted.ask("POST /early HTTP/1.1\r\n" + expecting).status, 401);
  EXPECT_EQ(client().ask(get("/say", "Expect: a miracle\r\n")).status, 417);
}

TEST_F(HttpRequests, head_is_answered_as_get_without_the_body) {
  RawClient one = client();
  one.send("HEAD /say/hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawAnswer answer = one.answer(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("Content-Length: 10\r\n"));
  EXPECT_EQ(one.ask(get("/say/next")).body, "/say/next");
}

TEST_F(HttpRequests, path_and_query_are_decoded_once) {
  EXPECT_EQ(client().ask(get("/say/a%2Fb+c%252F?q=d+e%26&empty&x=%3D")).body,
            "/say/a/b+c%2F|q=d e&|empty=|x==");
  EXPECT_EQ(client().ask(get("/say/%zz")).status, 400);
  EXPECT_EQ(client().ask(get("/say/%2")).status, 400);
}

TEST_F(HttpRequests, the_absolute_form_counts_when_it_names_the_same_host) {
  EXPECT_EQ(client().ask(get("http://x/say/a")).body, "/say/a");
  EXPECT_EQ(client().ask(get("http://other/say/a")).status, 400);
}

TEST_F(HttpRequests, methods_and_paths_are_the_applications_business) {
  EXPECT_EQ(client().ask("BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
  EXPECT_EQ(client().ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  EXPECT_EQ(client().ask("TRACE /echo HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
}

TEST_F(HttpRequests, the_connection_ends_where_the_client_or_its_version_says_so) {
  RawClient closing = client();
  EXPECT_TRUE(closing.ask(get("/say", "Connection: close\r\n")).has("Connection: close"));
  EXPECT_TRUE(closing.ended());
  RawClient old = client();
  EXPECT_EQ(old.ask("GET /say HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.ended());
  RawClient old_but_kept = client();
  EXPECT_EQ(old_but_kept.ask("GET /say HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status, 200);
  EXPECT_EQ(old_but_kept.ask(get("/say")).status, 200);
}

TEST_F(HttpRequests, a_client_that_ends_its_side_still_gets_its_answer) {
  RawClient one = client();
  one.send(post("/echo", "last words"));
  one.end_writing();
  EXPECT_EQ(one.answer().body, "last words");
}

TEST_F(HttpRequests, what_the_application_throws_stays_inside) {
  for (const std::string path : {"/throw", "/throw-early"}) {
    RawClient one = client();
    const RawAnswer answer = one.ask(get(path));
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ((answer.head + answer.body).find("secret"), std::string::npos);
    EXPECT_TRUE(one.ended());
  }
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpRequests, ranges_and_accepted_encodings_change_nothing) {
  const RawAnswer answer =
      client().ask(get("/say/hello", "Range: bytes=0-1\r\nAccept-Encoding: gzip, br\r\n"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "/say/hello");
}

}  // namespace
}  // namespace freshet::http
