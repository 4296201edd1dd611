#include <set>

#include "remote/curl_client.h"
#include "support/curl_fixture.h"
#include "support/tls_server.h"

using namespace freshet;
using namespace freshet::testing;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

HttpRequest trusted(const TlsServer& server, const std::string& target) {
  HttpRequest request = get_of(server.url(target));
  request.ca_file = server.ca_file();
  return request;
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == ' ') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

/// A location that hands on to another server.
std::string proxy_to(const ScriptServer& server) {
  return "location / { proxy_pass http://127.0.0.1:" + std::to_string(server.port()) + "; }\n";
}

class NullSink : public BodySink {
 public:
  Take take(std::string_view bytes) override {
    size += bytes.size();
    return Take::more;
  }
  int descriptor() const override { return -1; }
  std::size_t size = 0;
};

}  // namespace

TEST_F(CurlTest, AnAuthorityThatNobodyKnowsIsANetworkErrorThatSaysWhatToDo) {
  const TlsServer server("", true);
  expect_error(send(get_of(server.url("/who"))), ErrorClass::network,
               AllOf(HasSubstr("certificate of localhost:" + std::to_string(server.port())),
                     HasSubstr("not trusted"), HasSubstr("ca_file")));
}

TEST_F(CurlTest, ACaFileMakesItsAuthorityTrustedForThatRequestAlone) {
  const TlsServer server("", true);
  EXPECT_EQ(must(send(trusted(server, "/who"))).status, 200);
  EXPECT_EQ(must(send(trusted(server, "/who"))).status, 200);
  EXPECT_EQ(client_->counters().connections, 1U);
  expect_error(send(get_of(server.url("/who"))), ErrorClass::network, HasSubstr("not trusted"));
}

TEST_F(CurlTest, ACertificateForAnotherNameIsNotTrusted) {
  const TlsServer server("", true);
  HttpRequest request = get_of(server.url("/who", "127.0.0.1"));
  request.ca_file = server.ca_file();
  expect_error(send(request), ErrorClass::network, HasSubstr("not trusted"));
}

TEST_F(CurlTest, ACaFileIsReadAgainWhenItChanges) {
  const TlsServer old_server("", true);
  const TlsServer new_server("", true);
  const TemporaryDirectory directory;
  HttpRequest request = get_of(new_server.url("/who"));
  request.ca_file = directory / "ca.pem";
  for (int round = 0; round < 3; ++round) {
    must(write_file_atomically(request.ca_file, must(read_file(old_server.ca_file()))));
    expect_error(send(request), ErrorClass::network, HasSubstr("not trusted"));
    must(write_file_atomically(request.ca_file, must(read_file(new_server.ca_file()))));
    EXPECT_EQ(must(send(request)).status, 200);
  }
}

TEST_F(CurlTest, ACaFileThatCannotBeUsedIsAnErrorOfConfiguration) {
  const TlsServer server("", true);
  const TemporaryDirectory directory;
  HttpRequest request = get_of(server.url("/who"));
  request.ca_file = directory / "missing.pem";
  expect_error(send(request), ErrorClass::config, HasSubstr("missing.pem"));
  request.ca_file = directory / "odd.pem";
  must(write_file_atomically(request.ca_file, "not a certificate\n"));
  expect_error(send(request), ErrorClass::config,
               AllOf(HasSubstr("odd.pem"), HasSubstr("no certificate")));
}

TEST_F(CurlTest, AServerThatSpeaksNoTlsIsANetworkError) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection&) {});
  expect_error(send(get_of("https://127.0.0.1:" + std::to_string(server.port()) + "/"),
                    {std::chrono::seconds(2), {}}),
               ErrorClass::timeout, HasSubstr("no connection"));
  const TlsServer tls("", true);
  HttpRequest plain = get_of("http://localhost:" + std::to_string(tls.port()) + "/who");
  EXPECT_EQ(must(send(plain)).status, 400) << "nginx says so in plain HTTP";
}

TEST_F(CurlTest, HundredsOfRequestsShareOneHttp2Connection) {
  ScriptServer slow([](const ScriptRequest&, ScriptConnection& connection) {
    connection.pause(20);
    connection.answer("200 OK", "slow");
  });
  const TlsServer server(proxy_to(slow), true);
  Results results;
  constexpr std::size_t kRequests = 500;
  for (std::size_t i = 0; i < kRequests; ++i) {
    client_->send_async(trusted(server, "/slow"), kPatient, CancelToken(), results.slot());
  }
  for (const auto& result : results.await(kRequests)) {
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(result->body, "slow");
  }
  EXPECT_EQ(words(must(send(trusted(server, "/who"))).body)[1], "HTTP/2.0");
  EXPECT_EQ(client_->counters().connections, 1U);
}

TEST_F(CurlTest, AServerWithoutHttp2GetsNoMoreConnectionsThanAllowed) {
  const TlsServer server("", false);
  Results results;
  constexpr std::size_t kRequests = 300;
  for (std::size_t i = 0; i < kRequests; ++i) {
    client_->send_async(trusted(server, "/who"), kPatient, CancelToken(), results.slot());
  }
  std::set<std::string> connections;
  for (const auto& result : results.await(kRequests)) {
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(words(result->body)[1], "HTTP/1.1");
    connections.insert(words(result->body)[0]);
  }
  EXPECT_LE(connections.size(), 16U);
  EXPECT_EQ(client_->counters().connections, connections.size());
}

TEST_F(CurlTest, TlsSessionsAreResumed) {
  const TlsServer server(
      "location /close { keepalive_timeout 0; return 200 "
      "'$connection $server_protocol $ssl_session_reused'; }\n",
      false);
  EXPECT_EQ(words(must(send(trusted(server, "/close"))).body)[2], ".");
  EXPECT_EQ(words(must(send(trusted(server, "/close"))).body)[2], "r");
  NullSink sink;
  HttpRequest pack = trusted(server, "/close");
  pack.body_to = &sink;
  ASSERT_TRUE(send(pack).has_value());
  EXPECT_EQ(client_->counters().connections, 3U);
}

TEST_F(CurlTest, ABodyForASinkHasAConnectionOfItsOwnAndPollsKeepTheirs) {
  const TlsServer server("", true);
  for (int i = 0; i < 3; ++i) {
    NullSink sink;
    HttpRequest pack = trusted(server, "/who");
    pack.body_to = &sink;
    ASSERT_TRUE(send(pack).has_value());
    EXPECT_GT(sink.size, 0U);
    EXPECT_EQ(words(must(send(trusted(server, "/who"))).body)[1], "HTTP/2.0");
  }
  EXPECT_EQ(client_->counters().connections, 2U);
}

TEST_F(CurlTest, CancellingOrSilenceOfOneStreamLeavesTheOthersAlone) {
  ScriptServer script([](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.target() == "/never") {
      connection.wait_for_end();
    } else {
      connection.pause(1500);
      connection.answer("200 OK", "late");
    }
  });
  const TlsServer server(proxy_to(script), true);
  CancelToken cancel;
  Results cancelled;
  Results silent;
  Results late;
  ASSERT_TRUE(send(trusted(server, "/who")).has_value());
  for (int i = 0; i < 20; ++i) {
    client_->send_async(trusted(server, "/never"), kPatient, cancel, cancelled.slot());
    client_->send_async(trusted(server, "/never"), {std::chrono::seconds(60), milliseconds(1000)},
                        CancelToken(), silent.slot());
    client_->send_async(trusted(server, "/late"), kPatient, CancelToken(), late.slot());
  }
  script.await_requests(60);
  cancel.cancel();
  for (const auto& result : cancelled.await(20)) {
    expect_error(result, ErrorClass::conflict, HasSubstr("cancelled"));
  }
  for (const auto& result : silent.await(20)) {
    expect_error(result, ErrorClass::timeout, HasSubstr("no byte from localhost"));
  }
  for (const auto& result : late.await(20)) {
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(result->body, "late");
  }
  EXPECT_EQ(client_->counters().connections, 1U);
}

TEST_F(CurlTest, FromHttpsToHttpIsNeverFollowed) {
  ScriptServer plain(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.answer("200 OK", ""); });
  const TlsServer server("location /down { return 301 " + plain.url("/x") + "; }\n", true);
  expect_error(send(trusted(server, "/down")), ErrorClass::protocol,
               HasSubstr("from https to http"));
  EXPECT_EQ(plain.connections(), 0);
}

TEST_F(CurlTest, AnswersOverHttp2AreCompressedToo) {
  const TlsServer server(
      "gzip on; gzip_min_length 1; gzip_proxied any; default_type text/html;\n"
      "location /long { return 200 '" +
          std::string(3000, 'x') + "'; }\n",
      true);
  const auto reply = must(send(trusted(server, "/long")));
  EXPECT_EQ(header_of(reply, "content-encoding"), "gzip");
  EXPECT_EQ(reply.body, std::string(3000, 'x'));
}

TEST_F(CurlTest, AServerThatEndsItsConnectionsAfterSomeRequestsLosesNone) {
  for (const bool http2 : {true, false}) {
    const TlsServer server("keepalive_requests 20;\n", http2);
    Results results;
    constexpr std::size_t kRequests = 600;
    for (std::size_t i = 0; i < kRequests; ++i) {
      client_->send_async(trusted(server, "/who"), kPatient, CancelToken(), results.slot());
    }
    for (const auto& result : results.await(kRequests)) {
      ASSERT_TRUE(result.has_value()) << result.error().message;
    }
  }
}

TEST_F(CurlTest, AConnectionThatTheServerClosedWhileIdleIsReplaced) {
  ScriptServer answers([](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", "0000");
  });
  for (const bool http2 : {true, false}) {
    const TlsServer server("keepalive_timeout 50ms;\n" + proxy_to(answers), http2);
    for (int i = 0; i < 3; ++i) {
      HttpRequest poll = trusted(server, "/docs.git/git-upload-pack");
      poll.method = "POST";
      poll.body = "ls-refs";
      const auto result = send(poll);
      ASSERT_TRUE(result.has_value()) << result.error().message;
      ::poll(nullptr, 0, 200);
    }
  }
  EXPECT_EQ(client_->counters().connections, 6U);
}
