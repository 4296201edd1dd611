// HTTPS: what comes before the first request, and a certificate that changes.
#include <signal.h>

#include <thread>

#include "base/files.h"
#include "support/http_test_server.h"
#include "support/tls_client.h"

namespace freshet::http {
namespace {

using freshet::testing::TemporaryDirectory;
using std::chrono::milliseconds;

class HttpTls : public HttpServer {
 protected:
  HttpTls() {
    ::signal(SIGPIPE, SIG_IGN);  // as the program does
    use(first_);
    options_.tls = TlsFiles{directory_ / "cert.pem", directory_ / "key.pem"};
    options_.linger_timeout = milliseconds(200);
  }

  /// What an administrator's tool does: each file in its own step.
  void use(const TestCertificate& pair) {
    copy(pair.certificate, "cert.pem");
    copy(pair.key, "key.pem");
  }
  void copy(const std::string& from, const std::string& name) {
    ASSERT_TRUE(write_file_atomically(directory_ / name, read_file(from).value()));
  }
  TlsClient tls(int version = TLS1_3_VERSION) {
    TlsClient client(server_->address(), version);
    EXPECT_TRUE(client.shake_hands());
    return client;
  }
  std::string shown_name() { return tls().server_name(); }
  void wait_until_shown(const std::string& name) {
    while (shown_name() != name) {
      std::this_thread::sleep_for(milliseconds(20));
    }
  }
  std::string refusal() {
    const auto server = Server::listen(options_, application_);
    return server ? "" : server.error().message;
  }

  TemporaryDirectory directory_;
  TestCertificate first_{directory_.path(), "first"};
};

TEST_F(HttpTls, requests_are_answered_on_a_connection_that_goes_on) {
  start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient one = tls(version);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(one.ask(get("/say/hello")).body, "/say/hello");
      EXPECT_EQ(one.ask(post("/echo", "body")).body, "body");
    }
  }
}

TEST_F(HttpTls, long_bodies_answers_and_chunks_pass) {
  start();
  TlsClient one = tls();
  const std::string body(900'001, 'x');
  EXPECT_EQ(one.ask(post("/echo", body)).body, body);
  EXPECT_EQ(one.ask(post("/tap", body)).body,
            SummingTap::text_of(body) + " body " + SummingTap::text_of(body));
  one.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 1000; ++i) {
    one.send("1\r\ny\r\n");
  }
  EXPECT_EQ(one.ask("0\r\n\r\n").body, std::string(1000, 'y'));
  EXPECT_EQ(one.ask(get("/long")).body.size(), 8'388'608U);
}

TEST_F(HttpTls, what_came_in_one_record_is_not_left_lying) {
  start();
  TlsClient one = tls();
  // More than the server reads in one go of this kind of body.
  ASSERT_TRUE(one.send(post("/tap", std::string(5, 'x')) + get("/say/2") + get("/say/3")));
  EXPECT_EQ(one.answer().status, 200);
  EXPECT_EQ(one.answer().body, "/say/2");
  EXPECT_EQ(one.answer().body, "/say/3");
  const std::string body(70'000, 'x');
  ASSERT_TRUE(one.send(post("/skim", body) + get("/say/4")));
  EXPECT_EQ(one.answer().status, 200);
  EXPECT_EQ(one.answer().body, "/say/4");
}

TEST_F(HttpTls, a_request_that_comes_byte_by_byte_is_understood) {
  start();
  TlsClient one = tls();
  for (const char byte : post("/echo", "body")) {
    ASSERT_TRUE(one.send(std::string(1, byte)));
  }
  EXPECT_EQ(one.answer().body, "body");
}

TEST_F(HttpTls, an_end_is_announced_so_that_nobody_can_have_cut_it_off) {
  options_.idle_timeout = milliseconds(100);
  start();
  TlsClient closing = tls();
  EXPECT_EQ(closing.ask(get("/say", "Connection: close\r\n")).status, 200);
  EXPECT_TRUE(closing.ended_properly());
  TlsClient idle = tls();
  EXPECT_EQ(idle.ask(get("/say")).status, 200);
  EXPECT_TRUE(idle.ended_properly());
  TlsClient refused = tls();
  EXPECT_EQ(refused.ask("nonsense\r\n\r\n").status, 400);
  EXPECT_TRUE(refused.ended_properly());
}

TEST_F(HttpTls, only_versions_from_1_2_on_and_only_http_1_1_are_spoken_and_nothing_anew) {
  start();
  TlsClient old(server_->address(), TLS1_1_VERSION);
  EXPECT_FALSE(old.shake_hands());
  TlsClient both(server_->address());
  both.offer("\x02h2\x08http/1.1");
  ASSERT_TRUE(both.shake_hands());
  EXPECT_EQ(both.chosen(), "http/1.1");
  TlsClient other(server_->address());
  other.offer("\x02h2");
  EXPECT_FALSE(other.shake_hands());
  TlsClient again = tls(TLS1_2_VERSION);
  EXPECT_FALSE(again.asks_for_renegotiation());
  EXPECT_EQ(tls().ask(get("/say")).status, 200);
}

TEST_F(HttpTls, changed_keys_change_nothing_else) {
  start();
  TlsClient one = tls();
  const std::string delivery = post("/echo", std::string(100'000, 'x'));
  one.update_keys();
  EXPECT_EQ(one.ask(get("/say/hello")).body, "/say/hello");
  ASSERT_TRUE(one.send(delivery.substr(0, 70'000)));
  for (int i = 0; i < 20; ++i) {
    one.update_keys();
    ASSERT_TRUE(one.send(delivery.substr(70'000 + static_cast<std::size_t>(i), 1)));
  }
  EXPECT_EQ(one.ask(delivery.substr(70'020)).body.size(), 100'000U);
}

TEST_F(HttpTls, plain_http_is_told_so_and_nonsense_is_closed) {
  start();
  RawClient plain = client();
  EXPECT_EQ(plain.ask(get("/say")).status, 400);
  EXPECT_TRUE(plain.ended());
  RawClient nonsense = client();
  nonsense.send(std::string(100, '\x7f'));
  while (!nonsense.ended()) {  // after an alert
    nonsense.answer();
  }
  EXPECT_TRUE(application_.seen().empty());
}

TEST_F(HttpTls, a_handshake_that_does_not_end_in_time_is_closed) {
  options_.head_timeout = milliseconds(150);
  start();
  RawClient mute = client();
  RawClient half = client();
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_TRUE(mute.ended());
  EXPECT_TRUE(half.ended());
}

TEST_F(HttpTls, handshakes_that_stall_keep_nobody_waiting) {
  start();
  std::vector<RawClient> stalled;
  for (int i = 0; i < 200; ++i) {
    stalled.push_back(client());
    stalled.back().send(std::string("\x16\x03\x01\x02\x00\x01", static_cast<std::size_t>(i % 7)));
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(tls().ask(get("/say")).status, 200);
  }
}

TEST_F(HttpTls, a_changed_certificate_is_shown_to_those_who_come_then) {
  start();
  const auto first_end = server_->certificate_expires();
  TlsClient open = tls();
  EXPECT_EQ(open.server_name(), "first");
  const TestCertificate second(directory_.path(), "second", 60);
  use(second);
  wait_until_shown("second");
  EXPECT_EQ(open.ask(get("/say")).status, 200);
  EXPECT_GT(server_->certificate_expires(), first_end);
}

TEST_F(HttpTls, files_that_are_no_pair_or_gone_leave_the_certificate_before_in_use) {
  options_.idle_timeout = std::chrono::minutes(1);
  start();
  const TestCertificate second(directory_.path(), "second");
  ::testing::internal::CaptureStderr();
  copy(second.certificate, "cert.pem");
  std::string said;
  const auto is_said = [&said](const std::string& words) {
    said += ::testing::internal::GetCapturedStderr();
    ::testing::internal::CaptureStderr();
    return said.find(words) != std::string::npos;
  };
  while (!is_said("tls_key is not the key")) {
    EXPECT_EQ(shown_name(), "first");
    std::this_thread::sleep_for(milliseconds(20));
  }
  ASSERT_EQ(::unlink((directory_ / "key.pem").c_str()), 0);
  while (!is_said("tls_key: ")) {
    EXPECT_EQ(shown_name(), "first");
    std::this_thread::sleep_for(milliseconds(20));
  }
  copy(second.key, "key.pem");
  wait_until_shown("second");
  ::testing::internal::GetCapturedStderr();
}

TEST_F(HttpTls, what_cannot_be_used_at_the_start_is_named_with_setting_and_file) {
  options_.tls->certificate = directory_ / "missing.pem";
  EXPECT_NE(refusal().find("tls_cert"), std::string::npos);
  EXPECT_NE(refusal().find("missing.pem"), std::string::npos);
  options_.tls = TlsFiles{first_.certificate, directory_ / "missing.key"};
  EXPECT_NE(refusal().find("tls_key"), std::string::npos);
  EXPECT_NE(refusal().find("missing.key"), std::string::npos);
  options_.tls = TlsFiles{first_.certificate, first_.certificate};
  EXPECT_NE(refusal().find("tls_key holds no private key"), std::string::npos) << refusal();
  options_.tls = TlsFiles{first_.key, first_.key};
  EXPECT_NE(refusal().find("tls_cert holds no usable certificate"), std::string::npos) << refusal();
  const TestCertificate second(directory_.path(), "second");
  options_.tls = TlsFiles{first_.certificate, second.key};
  EXPECT_NE(refusal().find("tls_key is not the key"), std::string::npos) << refusal();
  options_.tls = TlsFiles{first_.certificate, first_.key};
  EXPECT_EQ(refusal(), "");
}

TEST_F(HttpTls, stop_is_quick_while_handshakes_stall) {
  start();
  RawClient half = client();
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  TlsClient open = tls();
  EXPECT_EQ(open.ask(get("/say")).status, 200);
  server_->stop();
  EXPECT_TRUE(half.ended());
}

}  // namespace
}  // namespace freshet::http
