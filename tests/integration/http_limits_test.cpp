// Slow, greedy and numerous clients.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/http_test_server.h"

namespace freshet::http {
namespace {

using std::chrono::milliseconds;

class HttpLimits : public HttpServer {
 protected:
  void wait_until_connections(std::size_t count) {
    while (server_->connections() != count) {
      std::this_thread::yield();
    }
  }

  /// A client whose body does not come, and whose head the server is done with: while a worker has
  /// a connection it cannot be let go.
  RawClient stalled_client(const std::string& from) {
    RawClient stalled = client(from);
    stalled.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_FALSE(stalled.until("100 Continue\r\n\r\n").empty());
    stalled.send("x");
    return stalled;
  }
};

TEST_F(HttpLimits, a_head_that_does_not_end_in_time_gets_408) {
  options_.head_timeout = milliseconds(150);
  start();
  RawClient slow = client();
  slow.send("GET /say HTTP/1.1\r\nHost: x\r\nSlow: ");
  RawClient mute = client();
  const auto begin = now();
  while (slow.silent()) {
    slow.send("x");  // bytes that go on coming do not help
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(slow.answer().status, 408);
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(mute.ended());
  EXPECT_LT(now() - begin, std::chrono::seconds(5));
}

TEST_F(HttpLimits, a_body_that_does_not_end_in_time_gets_408) {
  options_.body_timeout = milliseconds(250);
  start();
  RawClient slow = client();
  slow.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  while (slow.silent()) {
    slow.send("x");
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(slow.answer().status, 408);
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpLimits, an_idle_connection_is_closed) {
  options_.idle_timeout = milliseconds(100);
  start();
  RawClient one = client();
  EXPECT_EQ(one.ask(get("/say")).status, 200);
  EXPECT_TRUE(one.ended());
}

TEST_F(HttpLimits, a_head_without_end_gets_431_and_a_target_without_end_414) {
  start();
  RawClient field = client();
  field.send("GET /say HTTP/1.1\r\nHost: x\r\nLong: " + std::string(40'000, 'x'));
  EXPECT_EQ(field.answer().status, 431);
  EXPECT_TRUE(field.ended());
  RawClient target = client();
  target.send("GET /" + std::string(40'000, 'x'));
  EXPECT_EQ(target.answer().status, 414);
}

TEST_F(HttpLimits, ten_thousand_header_fields_get_431) {
  start();
  std::string fields;
  for (int i = 0; i < 10'000; ++i) {
    fields += "a:b\r\n";
  }
  RawClient one = client();
  one.send(get("/say", fields));
  EXPECT_EQ(one.answer().status, 431);
  EXPECT_TRUE(one.ended());
}

TEST_F(HttpLimits, a_length_over_the_limit_gets_413_before_a_byte_of_the_body) {
  start();
  RawClient one = client();
  EXPECT_EQ(one.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n").status,
            413);
}

TEST_F(HttpLimits, a_length_that_64_bits_do_not_hold_gets_413) {
  start();
  for (const std::string length :
       {"18446744073709551615", "18446744073709551616", "99999999999999999999999999999999999999"}) {
    RawClient one = client();
    EXPECT_EQ(
        one.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\nx").status,
        413);
  }
  EXPECT_EQ(
      client()
          .ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999x\r\n\r\n")
          .status,
      400);
}

TEST_F(HttpLimits, chunks_get_413_as_soon_as_they_pass_the_limit) {
  start();
  RawClient one = client();
  one.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(one.send(chunk));
  }
  EXPECT_TRUE(one.silent());
  EXPECT_EQ(one.ask("1\r\n").status, 413);
  EXPECT_EQ(options_.bodies->used(), 0U);
}

TEST_F(HttpLimits, a_client_that_sends_on_after_413_can_read_it_and_is_not_read_for_long) {
  options_.linger_bytes = std::size_t{128} * 1024;
  start();
  RawClient one = client();
  one.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  const std::string block(65'536, 'x');
  std::size_t sent = 0;
  EXPECT_TRUE(one.send(block));
  EXPECT_EQ(one.answer().status, 413);
  while (sent < 99'999'999 && one.send(block)) {
    sent += block.size();
  }
  EXPECT_LT(sent, 99'999'999U);
}

TEST_F(HttpLimits, a_client_that_sends_the_largest_body_before_it_reads_gets_its_503) {
  options_.limits.max_body = std::size_t{26} * 1024 * 1024;
  options_.limits.body_memory = options_.limits.max_body;
  options_.linger_timeout = std::chrono::minutes(1);
  start();
  RawClient first = client("127.0.0.2");
  first.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n" +
             std::string(15'000'000, 'x'));
  while (options_.bodies->used() < 15'000'000) {
    std::this_thread::yield();
  }
  RawClient second = client();
  EXPECT_TRUE(second.send(post("/echo", std::string(25'000'000, 'x'))));
  EXPECT_EQ(second.answer().status, 503);
}

TEST_F(HttpLimits, idle_slow_and_stalled_connections_do_not_keep_others_waiting) {
  options_.workers = 2;
  start();
  std::vector<RawClient> stalled;
  for (int i = 0; i < 200; ++i) {
    stalled.push_back(client("127.0.0." + std::to_string(2 + i % 8)));
    if (i % 4 == 1) {
      stalled.back().send("POST /echo HTTP/1.1\r\nHo");
    } else if (i % 4 == 2) {
      stalled.back().send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (i % 4 == 3) {
      stalled.back().send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nhalf");
    }
  }
  const auto begin = now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client().ask(get("/say/hello")).body, "/say/hello");
  }
  EXPECT_LT(now() - begin, std::chrono::seconds(5));
}

TEST_F(HttpLimits, clients_that_take_nothing_of_their_answers_do_not_hold_a_worker) {
  options_.workers = 2;
  start();
  std::vector<RawClient> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.push_back(client());
    deaf.back().send(get("/long"));
  }
  EXPECT_EQ(client().ask(get("/say/hello")).body, "/say/hello");
  EXPECT_EQ(deaf.front().answer().body.size(), 8U * 1024 * 1024);
}

TEST_F(HttpLimits, an_answer_that_is_not_taken_in_time_is_given_up) {
  options_.answer_timeout = milliseconds(100);
  start();
  RawClient deaf = client();
  deaf.send(get("/long"));
  while (application_.seen().empty()) {
    std::this_thread::yield();
  }
  wait_until_connections(0);
}

TEST_F(HttpLimits, an_address_has_no_more_connections_than_it_may) {
  options_.limits.connections_per_address = 2;
  options_.limits.trusted_proxies = AddressRanges({"127.0.0.9"});
  start();
  RawClient first = client();
  RawClient second = client();
  EXPECT_EQ(first.ask(get("/say")).status, 200);
  EXPECT_EQ(second.ask(get("/say")).status, 200);
  RawClient third = client();
  const RawAnswer refused = third.answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.has("Retry-After: 1"));
  EXPECT_TRUE(third.ended());
  EXPECT_EQ(client("127.0.0.2").ask(get("/say")).status, 200);
  std::vector<RawClient> exempt;
  for (int i = 0; i < 5; ++i) {
    exempt.push_back(client("127.0.0.9"));
    EXPECT_EQ(exempt.back().ask(get("/say")).status, 200);
  }
  exempt.clear();
  first.close();
  wait_until_connections(1);
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpLimits, a_client_that_opens_the_next_connection_as_it_closes_one_is_served) {
  options_.limits.connections_per_address = 4;
  start();
  std::atomic<int> served{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        served += client().ask(get("/say")).status == 200 ? 1 : 0;
      }
    });
  }
  for (std::thread& one : clients) {
    one.join();
  }
  EXPECT_EQ(served, 800);
}

TEST_F(HttpLimits, a_full_table_lets_the_longest_silent_connection_go) {
  options_.max_connections = 3;
  options_.workers = 1;  // so that each answered connection is back before the next is served
  start();
  RawClient unfinished = client();
  unfinished.send("GET /say HTTP/1.1\r\n");
  RawClient idle = client();
  EXPECT_EQ(idle.ask(get("/say")).status, 200);
  RawClient younger = client();
  EXPECT_EQ(younger.ask(get("/say")).status, 200);
  RawClient last = client();
  EXPECT_EQ(last.ask(get("/say")).status, 200);
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(younger.ask(get("/say")).status, 200);
  EXPECT_EQ(unfinished.ask("Host: x\r\n\r\n").status, 200);
}

TEST_F(HttpLimits, a_full_table_of_stalled_bodies_lets_newcomers_send_their_requests) {
  options_.max_connections = 8;
  options_.newcomer_time = std::chrono::minutes(1);
  options_.workers = 1;
  start();
  std::vector<RawClient> stalled;
  for (int i = 0; i < 8; ++i) {
    stalled.push_back(stalled_client("127.0.0." + std::to_string(2 + i % 4)));
  }
  RawClient newcomer = client("127.0.0.6");
  RawClient next = client("127.0.0.7");
  RawClient last = client("127.0.0.8");
  EXPECT_EQ(last.ask(get("/say")).status, 200);
  EXPECT_EQ(newcomer.ask(get("/say")).status, 200);
  EXPECT_EQ(next.ask(get("/say")).status, 200);
}

TEST_F(HttpLimits, a_full_table_takes_from_who_has_more_than_its_share_before_it_takes_idle_ones) {
  options_.max_connections = 8;
  options_.workers = 1;
  start();
  std::vector<RawClient> stalled;
  for (int i = 0; i < 6; ++i) {
    stalled.push_back(stalled_client("127.0.0.2"));
  }
  RawClient idle = client("127.0.0.3");
  EXPECT_EQ(idle.ask(get("/say")).status, 200);
  RawClient other = client("127.0.0.4");
  EXPECT_EQ(other.ask(get("/say")).status, 200);
  RawClient newcomer = client("127.0.0.5");
  EXPECT_EQ(newcomer.ask(get("/say")).status, 200);
  EXPECT_EQ(idle.ask(get("/say")).status, 200);
  EXPECT_EQ(other.ask(get("/say")).status, 200);
  EXPECT_TRUE(stalled.front().ended());
}

TEST_F(HttpLimits, a_full_table_leaves_a_silent_connection_alone_only_while_it_is_new) {
  options_.max_connections = 3;
  options_.newcomer_time = milliseconds(0);
  start();
  RawClient stalled = client("127.0.0.2");
  stalled.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx");
  RawClient silent = client("127.0.0.3");
  RawClient other = client("127.0.0.4");
  EXPECT_EQ(other.ask(get("/say")).status, 200);
  EXPECT_EQ(client("127.0.0.5").ask(get("/say")).status, 200);
  EXPECT_TRUE(silent.ended());
  EXPECT_EQ(stalled.ask(std::string(99'999, 'x')).status, 200);
}

TEST_F(HttpLimits, all_bodies_together_take_no_more_memory_than_the_budget) {
  options_.limits.body_memory = 1'200'000;
  start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n";
  RawClient first = client();
  first.send(head + std::string(599'999, 'x'));
  while (options_.bodies->used() < 599'999) {
    std::this_thread::yield();
  }
  RawClient second = client();
  const RawAnswer refused = second.ask(head + std::string(600'000, 'x'));
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.has("Retry-After: 1"));
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(first.ask("x").body.size(), 600'000U);
  EXPECT_EQ(client().ask(head + std::string(600'000, 'x')).status, 200);
  EXPECT_EQ(options_.bodies->used(), 0U);
}

TEST_F(HttpLimits, a_length_that_is_only_announced_takes_no_memory) {
  options_.limits.body_memory = 1024 * 1024;
  start();
  std::vector<RawClient> announcing;
  for (int i = 0; i < 50; ++i) {
    announcing.push_back(client());
    announcing.back().send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx");
  }
  EXPECT_EQ(client().ask(post("/echo", std::string(100'000, 'x'))).status, 200);
}

TEST_F(HttpLimits, a_body_that_was_refused_is_not_given_to_the_application_when_patience_ends) {
  options_.limits.rate_limit = {1000, std::chrono::minutes(1)};
  options_.linger_timeout = std::chrono::minutes(1);
  options_.workers = 1;
  start();
  RawClient malformed = client("127.0.0.2");
  malformed.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client("127.0.0.3").ask(get("/say")).status, 200);  // the other head was read by now
  EXPECT_EQ(malformed.ask("zz\r\n").status, 400);
  for (int i = 0; i < 2; ++i) {  // patience ends here too, and later
    EXPECT_EQ(client("127.0.0.3")
                  .ask("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
                  .status,
              401);
  }
  EXPECT_EQ(options_.rate_limiter->clients(), 1U);  // and not the one that was refused
}

TEST_F(HttpLimits, a_full_queue_is_answered_503) {
  options_.workers = 1;
  options_.max_waiting = 1;
  start();
  RawClient held = client();
  held.send(get("/hold"));
  application_.wait_for_held(1);
  std::vector<RawClient> more;
  for (int i = 0; i < 3; ++i) {
    more.push_back(client());
    more.back().send(get("/say"));
  }
  const auto waits = [](const RawClient& one) { return one.silent(); };
  while (std::count_if(more.begin(), more.end(), waits) != 1) {
    std::this_thread::yield();
  }
  application_.let_go();
  std::vector<int> answers;
  answers.reserve(more.size());
  for (RawClient& one : more) {
    answers.push_back(one.answer().status);
  }
  EXPECT_THAT(answers, testing::UnorderedElementsAre(200, 503, 503));
  EXPECT_EQ(held.answer().status, 200);
}

}  // namespace
}  // namespace freshet::http
