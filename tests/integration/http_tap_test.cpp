// Bodies that are looked at while they arrive.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/http_test_server.h"

namespace freshet::http {
namespace {

constexpr std::size_t kLong = std::size_t{25} * 1'000'000;

class HttpTap : public HttpServer {
 protected:
  HttpTap() { options_.limits.max_body = 26 * 1024 * 1024; }

  static std::string block() {
    std::string block;
    for (int i = 0; i < 100'000; ++i) {
      block += static_cast<char>('a' + i % 26);
    }
    return block;
  }
};

TEST_F(HttpTap, sees_a_small_a_long_and_a_chunked_body_whole_before_the_answer) {
  start();
  for (const std::size_t size : {0UL, 1UL, 65'536UL, 65'537UL, 1'000'003UL}) {
    std::string body;
    while (body.size() < size) {
      body += block();
    }
    body.resize(size);
    const std::string expected = SummingTap::text_of(body) + " body " + SummingTap::text_of(body);
    EXPECT_EQ(client().ask(post("/tap", body)).body, expected) << size;
    std::string chunks = "POST /tap HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < size; at += 77'777) {
      const std::string chunk = body.substr(at, 77'777);
      chunks += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    }
    EXPECT_EQ(client().ask(chunks + "0\r\n\r\n").body, expected) << size;
  }
}

TEST_F(HttpTap, fifty_long_bodies_that_are_not_kept_take_no_memory_and_keep_nobody_waiting) {
  options_.workers = 2;
  options_.body_timeout = std::chrono::minutes(10);  // all halves take their time under a sanitizer
  start();
  const std::string part = block();
  std::string body;
  while (body.size() < kLong) {
    body += part;
  }
  const std::string expected = SummingTap::text_of(body) + " body " + SummingTap::text_of("");
  body = std::string();
  std::atomic<int> half{0};
  std::atomic<bool> go_on{false};
  std::vector<std::thread> uploads;
  std::atomic<int> right{0};
  for (int i = 0; i < 50; ++i) {
    uploads.emplace_back([&] {
      RawClient one = client();
      one.send("POST /skim HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kLong) +
               "\r\n\r\n");
      for (std::size_t sent = 0; sent < kLong; sent += part.size()) {
        if (sent == kLong / 2) {
          ++half;
          go_on.wait(false);
        }
        if (!one.send(part)) {
          return;
        }
      }
      right += one.answer().body == expected ? 1 : 0;
    });
  }
  while (half < 50) {
    EXPECT_EQ(options_.bodies->used(), 0U);
    EXPECT_EQ(client().ask(get("/say/hello")).body, "/say/hello");
  }
  EXPECT_EQ(options_.bodies->used(), 0U);
  go_on = true;
  go_on.notify_all();
  for (std::thread& upload : uploads) {
    upload.join();
  }
  EXPECT_EQ(right, 50);
  EXPECT_EQ(options_.bodies->used(), 0U);
}

TEST_F(HttpTap, a_body_that_is_not_kept_has_the_same_limits) {
  options_.limits.max_body = 100'000;
  options_.body_timeout = std::chrono::milliseconds(200);
  start();
  EXPECT_EQ(client().ask("POST /skim HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n").status,
            413);
  RawClient chunked = client();
  EXPECT_EQ(chunked
                .ask("POST /skim HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "186a1\r\n")
                .status,
            413);
  RawClient malformed = client();
  EXPECT_EQ(malformed
                .ask("POST /skim HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "x\r\n")
                .status,
            400);
  RawClient slow = client();
  slow.send("POST /skim HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nx");
  EXPECT_EQ(slow.answer().status, 408);
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpTap, large_bodies_that_are_kept_leave_room_for_small_ones) {
  options_.limits.body_memory = 4'000'000;
  start();
  std::vector<RawClient> large;
  for (int i = 0; i < 8; ++i) {
    large.push_back(client("127.0.0." + std::to_string(2 + i)));
    // All but the last byte, so that each of them stays.
    large.back().send("POST /tap HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n" +
                      std::string(1'000'000, 'x'));
  }
  const auto refused = [](const RawClient& one) { return !one.silent(); };
  while (options_.bodies->used() < 2'000'000 ||
         std::count_if(large.begin(), large.end(), refused) < 4) {
    std::this_thread::yield();
  }
  EXPECT_LE(options_.bodies->used(), 3'000'000U);
  EXPECT_EQ(client().ask(post("/echo", std::string(60'000, 'x'))).status, 200);
}

}  // namespace
}  // namespace freshet::http
