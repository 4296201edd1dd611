// Requests whose end or meaning two readers could see differently, and what is left of a request
// that was answered early.
#include "support/http_test_server.h"

namespace freshet::http {
namespace {

class HttpFraming : public HttpServer {
 protected:
  void SetUp() override {
    options_.linger_timeout = std::chrono::milliseconds(200);
    start();
  }
};

TEST_F(HttpFraming, an_ambiguous_or_malformed_head_is_refused_and_nothing_behind_it_runs) {
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::string smuggled = get("/say/smuggled");
  const std::string heads[] = {
      start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
      start + "Content-Length: 4\r\nContent-Length: 0\r\n\r\nbody",
      start + "Content-Length: 4, 4\r\n\r\nbody",
      start + "Content-Length: +4\r\n\r\nbody",
      start + "Content-Length: -1\r\n\r\nbody",
      start + "Content-Length: 0x4\r\n\r\nbody",
      start + "Content-Length: %34\r\n\r\nbody",
      start + "Content-Length:\r\n\r\nbody",
      start + "Content-Length: 99999999999999999999x\r\n\r\nbody",
      start + "Content-Length : 4\r\n\r\nbody",
      start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      start +
          "Transfer-Encoding:\x0b"
          "chunked\r\n\r\n0\r\n\r\n",
      start + "Folded: a\r\n b\r\n\r\n",
      start + "Bare: a\rContent-Length: 4\r\n\r\nbody",
      start + "Feed: a\nContent-Length: 4\r\n\r\nbody",
      start + std::string("Nul: a\0b\r\n\r\n", 12),
      start + "No colon\r\n\r\n",
      start + ": no name\r\n\r\n",
      start + "Host: y\r\n\r\n",
      "POST /echo HTTP/1.1\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: user@x\r\n\r\n",
      "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST  /echo HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /echo\r\nHost: x\r\n\r\n",
      "POST /echo HTTP/1.1 \r\nHost: x\r\n\r\n",
      "POST echo HTTP/1.1\r\nHost: x\r\n\r\n",
      "P(ST /echo HTTP/1.1\r\nHost: x\r\n\r\n",
      "\x16\x03\x01\x02",
      "\r\n\r\nGET /say HTTP/1.1\r\nHost: x\r\n\r\n",
  };
  for (const std::string& head : heads) {
    RawClient one = client();
    one.send(head + smuggled);
    EXPECT_EQ(one.answer().status, 400) << head;
    EXPECT_TRUE(one.ended()) << head;
  }
  EXPECT_EQ(client().ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpFraming, malformed_chunks_are_refused_and_nothing_behind_them_runs) {
  for (const std::string chunks :
       {"3\r\nabcXX\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "\r\nabc\r\n",
        "3;a\n\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\n\n", "ffffffffffffffff1\r\nabc\r\n"}) {
    RawClient one = client();
    one.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
             get("/say/smuggled"));
    EXPECT_EQ(one.answer().status, 400) << chunks;
    EXPECT_TRUE(one.ended()) << chunks;
  }
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpFraming, what_follows_an_early_answer_is_never_run_as_a_request) {
  for (const std::string path : {"/early", "/nothing"}) {
    RawClient one = client();
    // Only a part of the body is here when the application answers.
    one.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_EQ(one.answer().status, path == "/early" ? 401 : 404);
    one.send(get("/say/smuggled"));
    EXPECT_TRUE(one.ended());
  }
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpFraming, an_early_answer_comes_at_once_though_a_small_body_never_does) {
  RawClient one = client();
  EXPECT_EQ(one.ask("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").status,
            401);
  EXPECT_TRUE(one.ended());
}

TEST_F(HttpFraming, a_body_that_is_here_already_lets_the_connection_go_on_after_an_early_answer) {
  RawClient one = client();
  EXPECT_EQ(one.ask(post("/early", get("/say/in-the-body"))).status, 401);
  EXPECT_EQ(one.ask(get("/say/next")).body, "/say/next");
  EXPECT_EQ(application_.seen(), std::vector<std::string>{"GET /say/next"});
}

TEST_F(HttpFraming, the_body_of_a_get_belongs_to_it) {
  RawClient one = client();
  const std::string inner = get("/say/smuggled");
  one.send(get("/say/a", "Content-Length: " + std::to_string(inner.size()) + "\r\n") + inner +
           get("/say/b"));
  EXPECT_EQ(one.answer().body, "/say/a");
  EXPECT_EQ(one.answer().body, "/say/b");
}

TEST_F(HttpFraming, a_compressed_body_is_refused_unread) {
  for (const std::string encoding : {"gzip", "br", "deflate", "identity, gzip"}) {
    EXPECT_EQ(client().ask(post("/echo", "x", "Content-Encoding: " + encoding + "\r\n")).status,
              415);
  }
  EXPECT_EQ(client().ask(post("/echo", "x", "Content-Encoding: identity\r\n")).status, 200);
}

TEST_F(HttpFraming, of_several_reasons_the_first_of_404_405_413_415_counts) {
  const std::string huge = "Host: x\r\nContent-Length: 99999999\r\nContent-Encoding: gzip\r\n\r\n";
  EXPECT_EQ(client().ask("POST /nothing HTTP/1.1\r\n" + huge).status, 404);
  EXPECT_EQ(client().ask("PUT /echo HTTP/1.1\r\n" + huge).status, 405);
  EXPECT_EQ(client().ask("POST /echo HTTP/1.1\r\n" + huge).status, 413);
  const std::string text = "Content-Type: text/plain\r\n";
  EXPECT_EQ(client().ask(post("/json", std::string(1001, 'x'), text)).status, 413);
  EXPECT_EQ(client().ask(post("/json", "x", text)).status, 415);
  EXPECT_EQ(
      client().ask(post("/json", "1", "Content-Type: Application/JSON; charset=utf-8\r\n")).status,
      200);
  EXPECT_EQ(client().ask(post("/json", "1")).status, 200);
}

TEST_F(HttpFraming, chunks_of_an_unwanted_type_are_counted_before_they_are_refused) {
  const std::string head =
      "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  RawClient small = client();
  small.send(head + "64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(small.ask("0\r\n\r\n").status, 415);
  RawClient large = client();
  large.send(head + "64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(large.ask("3e8\r\n").status, 413);
}

}  // namespace
}  // namespace freshet::http
