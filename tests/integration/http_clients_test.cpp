// Who is let in: the allow list, the rate, trusted proxies, and who must go when there is no room.
#include <gmock/gmock.h>

#include <thread>

#include "support/http_test_server.h"

namespace freshet::http {
namespace {

using std::chrono::milliseconds;

class HttpClients : public HttpServer {
 protected:
  std::string client_of(RawClient one, const std::string& forwarded_for) {
    const std::string field =
        forwarded_for.empty() ? "" : "X-Forwarded-For: " + forwarded_for + "\r\n";
    const RawAnswer answer = one.ask(get("/say", field));
    const std::size_t at = answer.head.find("X-Client: ");
    return at == std::string::npos
               ? std::to_string(answer.status)
               : answer.head.substr(at + 10, answer.head.find('\r', at) - at - 10);
  }
  int status(const std::string& from, const std::string& fields = "",
             const std::string& path = "/say") {
    return client(from).ask(get(path, fields)).status;
  }
};

TEST_F(HttpClients, the_client_is_who_a_trusted_proxy_names_and_nobody_elses_word_counts) {
  options_.limits.trusted_proxies = AddressRanges({"127.0.0.2"});
  start();
  EXPECT_EQ(client_of(client(), "192.0.2.1"), "127.0.0.1");
  EXPECT_EQ(client_of(client("127.0.0.2"), "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of(client("127.0.0.2"), "198.51.100.1, 192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of(client("127.0.0.2"), ""), "127.0.0.2");
}

TEST_F(HttpClients, outside_the_allow_list_everything_is_403) {
  options_.limits.allow = AddressRanges({"127.0.0.0/30", "192.0.2.0/24"});
  options_.limits.trusted_proxies = AddressRanges({"127.0.0.9"});
  start();
  EXPECT_EQ(status("127.0.0.2"), 200);
  const RawAnswer refused = client("127.0.0.5").ask(get("/say"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(refused.body.starts_with(R"({"error":{"code":"forbidden",)")) << refused.body;
  EXPECT_EQ(status("127.0.0.5", "", "/nowhere"), 403);
  EXPECT_EQ(client("127.0.0.5").ask(post("/echo", "body")).status, 403);
  EXPECT_EQ(status("127.0.0.9", "X-Forwarded-For: 192.0.2.1\r\n"), 200);
  EXPECT_EQ(status("127.0.0.9", "X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n"), 403);
  EXPECT_EQ(status("127.0.0.9"), 403);
  EXPECT_EQ(status("127.0.0.5", "X-Forwarded-For: 192.0.2.1\r\n"), 403);
  EXPECT_EQ(application_.seen().size(), 2U);
}

TEST_F(HttpClients, over_the_rate_everything_is_429_and_says_when_to_come_again) {
  options_.limits.rate_limit = Rate{3, std::chrono::minutes(10)};
  start();
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status("", "", "/nowhere"), 404);
  EXPECT_EQ(client().ask(get("/echo")).status, 405);
  RawClient over = client();
  const RawAnswer refused = over.ask(get("/nowhere"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has("Retry-After: 200\r\n")) << refused.head;
  EXPECT_EQ(over.ask(get("/say")).status, 429);  // on a connection that goes on
  EXPECT_EQ(client().ask(post("/json", std::string(2000, 'x'))).status, 429);
  EXPECT_EQ(status("127.0.0.2"), 200);
  options_.rate_limiter->give_back(client_network("127.0.0.1"));
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status(""), 429);
}

TEST_F(HttpClients, a_rate_is_for_each_client_behind_a_proxy) {
  options_.limits.rate_limit = Rate{2, std::chrono::minutes(10)};
  options_.limits.trusted_proxies = AddressRanges({"127.0.0.1"});
  start();
  for (const int expected : {200, 200, 429}) {
    EXPECT_EQ(status("", "X-Forwarded-For: 2001:db8::1\r\n"), expected);
  }
  EXPECT_EQ(status("", "X-Forwarded-For: 2001:db8::ffff:1\r\n"), 429);  // the same /64
  EXPECT_EQ(status("", "X-Forwarded-For: 2001:db8:0:1::1\r\n"), 200);
}

TEST_F(HttpClients, requests_that_are_being_handled_are_not_counted_against_each_other) {
  options_.workers = 8;
  options_.limits.rate_limit = Rate{2, std::chrono::minutes(10)};
  start();
  std::vector<RawClient> held;
  for (int i = 0; i < 6; ++i) {
    held.push_back(client());
    held.back().send(get("/hold"));
  }
  application_.wait_for_held(6);
  application_.let_go();
  for (RawClient& one : held) {
    EXPECT_EQ(one.answer().status, 200);
  }
  EXPECT_EQ(status(""), 429);
}

TEST_F(HttpClients, a_unix_peer_that_names_nobody_is_served_and_never_held_back) {
  const std::string path = testing::TempDir() + "freshet-clients-" + std::to_string(getpid());
  options_.listen.unix_path = path;
  options_.limits.allow = AddressRanges({"192.0.2.0/24"});
  options_.limits.rate_limit = Rate{2, std::chrono::minutes(10)};
  start();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client_of(client(), ""), "");
  }
  EXPECT_EQ(client_of(client(), "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of(client(), "198.51.100.1"), "403");
  EXPECT_EQ(client_of(client(), "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of(client(), "192.0.2.1"), "429");
}

TEST_F(HttpClients, changed_limits_hold_for_the_next_request_on_an_open_connection_too) {
  start();
  RawClient open = client();
  RawClient begun = client();
  EXPECT_EQ(open.ask(post("/echo", std::string(2000, 'x'))).status, 200);
  begun.send(post("/echo", std::string(200'000, 'x')).substr(0, 150'000));
  while (options_.bodies->used() < 100'000) {
    std::this_thread::yield();
  }
  Limits limits;
  limits.max_body = 1000;
  limits.body_memory = 2000;
  limits.connections_per_address = 2;
  server_->change(limits);
  EXPECT_EQ(open.ask(post("/echo", std::string(1001, 'x'))).status, 413);
  EXPECT_EQ(client().answer().status, 503);  // the third one
  begun.close();
  open.close();
  while (server_->connections() != 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(client().ask(post("/echo", std::string(1000, 'x'))).status, 200);
  limits.allow = AddressRanges({"192.0.2.1"});
  server_->change(limits);
  EXPECT_EQ(status(""), 403);
  limits.allow = AddressRanges();
  limits.rate_limit = Rate{1, std::chrono::minutes(10)};
  server_->change(limits);
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status(""), 429);
}

TEST_F(HttpClients, a_request_that_has_begun_keeps_its_limits) {
  start();
  RawClient begun = client();
  const std::string request = post("/echo", std::string(200'000, 'x'));
  begun.send(request.substr(0, 150'000));
  while (options_.bodies->used() < 100'000) {
    std::this_thread::yield();
  }
  Limits limits;
  limits.max_body = 1000;
  server_->change(limits);
  EXPECT_EQ(begun.ask(request.substr(150'000)).status, 200);
}

TEST_F(HttpClients, who_must_go_is_idle_or_one_of_many_and_not_a_delivery_on_its_way) {
  options_.max_connections = 20;
  start();
  RawClient honest = client("127.0.0.2");
  const std::string delivery = post("/echo", std::string(200'000, 'x'));
  honest.send(delivery.substr(0, 150'000));
  while (options_.bodies->used() < 100'000) {
    std::this_thread::yield();
  }
  std::vector<RawClient> attack;
  for (int i = 0; i < 200; ++i) {
    attack.push_back(client("127.0.0." + std::to_string(10 + i % 4)));
    attack.back().send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" +
                       std::string(90'000, 'x'));
  }
  EXPECT_EQ(client("127.0.0.3").ask(get("/say/hello")).body, "/say/hello");
  EXPECT_EQ(honest.ask(delivery.substr(150'000)).body.size(), 200'000U);
}

TEST_F(HttpClients, who_cannot_be_served_must_go_before_those_on_the_allow_list) {
  options_.max_connections = 20;
  options_.limits.allow = AddressRanges({"127.0.0.0/29"});
  start();
  const std::string delivery = post("/echo", std::string(200'000, 'x'));
  std::vector<RawClient> honest;
  for (int i = 0; i < 4; ++i) {
    honest.push_back(client("127.0.0.2"));
    honest.back().send(delivery.substr(0, 150'000));
  }
  while (options_.bodies->used() < 4UL * 150'000) {
    std::this_thread::yield();
  }
  std::vector<RawClient> strangers;
  for (int i = 0; i < 100; ++i) {
    strangers.push_back(client("127.0.1." + std::to_string(1 + i)));
    strangers.back().send("POST /echo HTTP/1.1\r\n");
  }
  for (RawClient& one : honest) {
    EXPECT_EQ(one.ask(delivery.substr(150'000)).body.size(), 200'000U);
  }
}

TEST_F(HttpClients, five_hundred_stalled_connections_from_eight_addresses_leave_others_served) {
  options_.limits.connections_per_address = 64;
  options_.limits.rate_limit = Rate{1000, std::chrono::minutes(1)};
  start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n";
  const std::string stalls[] = {
      "",
      "P",
      "POST /echo HTTP/1.1\r\nHo",
      head,
      head + "half",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"};
  std::vector<RawClient> stalled;
  for (std::size_t i = 0; i < 500; ++i) {
    stalled.push_back(client("127.0.0." + std::to_string(2 + i % 8)));
    stalled.back().send(stalls[i % std::size(stalls)]);
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client().ask(post("/echo", "delivery")).body, "delivery");
  }
}

}  // namespace
}  // namespace freshet::http
