#include "remote/curl_client.h"

#include "support/curl_fixture.h"

using namespace freshet;
using namespace freshet::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

void echo(const ScriptRequest& request, ScriptConnection& connection) {
  connection.answer("200 OK", request.head + "\r\n" + request.body,
                    "Content-Type: text/plain\r\nX-Odd-Case: Value \r\n");
}

std::string http_date(std::chrono::seconds from_now) {
  const std::time_t time =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + from_now);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

}  // namespace

TEST_F(CurlTest, AReplyHoldsStatusBodyTypeAndHeadersInLowerCase) {
  ScriptServer server(echo);
  const auto reply = must(send(get_of(server.url("/docs?x=1"))));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain");
  EXPECT_EQ(header_of(reply, "x-odd-case"), "Value");
  EXPECT_EQ(reply.final_url, server.url("/docs?x=1"));
  EXPECT_THAT(reply.body, HasSubstr("GET /docs?x=1 HTTP/1.1\r\n"));
  EXPECT_FALSE(reply.retry_after.has_value());
}

TEST_F(CurlTest, ARequestLooksLikeOneOfGitAndSendsNothingItWasNotAskedTo) {
  ScriptServer server(echo);
  HttpRequest request = post_of(server.url(), "0014command=ls-refs");
  request.headers = {{"Content-Type", "application/x-git-upload-pack-request"},
                     {"Git-Protocol", "version=2"}};
  request.authorization = Secret("Basic YTpi");
  const auto reply = must(send(request));
  EXPECT_THAT(reply.body,
              AllOf(HasSubstr("POST / HTTP/1.1\r\n"), HasSubstr("\r\nUser-Agent: git/"),
                    HasSubstr("\r\nContent-Type: application/x-git-upload-pack-request\r\n"),
                    HasSubstr("\r\nGit-Protocol: version=2\r\n"),
                    HasSubstr("\r\nAuthorization: Basic YTpi\r\n"),
                    HasSubstr("\r\nAccept-Encoding: gzip\r\n"),
                    HasSubstr("\r\n\r\n0014command=ls-refs"), Not(HasSubstr("Expect"))));
  const auto bare = must(send(post_of(server.url(), "x")));
  EXPECT_THAT(bare.body, AllOf(Not(HasSubstr("Content-Type")), Not(HasSubstr("Authorization"))));
}

TEST_F(CurlTest, EveryMethodGoesOutAsItIsCalled) {
  ScriptServer server([](const ScriptRequest& request, ScriptConnection& connection) {
    const bool head = request.line.rfind("HEAD", 0) == 0;
    connection.answer("200 OK", head ? "" : request.line + "|" + request.body,
                      "X-Line: " + request.line + "\r\n");
  });
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
    HttpRequest request = get_of(server.url());
    request.method = method;
    EXPECT_EQ(header_of(must(send(request)), "x-line"), std::string(method) + " / HTTP/1.1");
  }
  HttpRequest put = post_of(server.url(), std::string("a\0b", 3));
  put.method = "PUT";
  EXPECT_EQ(must(send(put)).body, std::string("PUT / HTTP/1.1|a\0b", 18));
  EXPECT_EQ(must(send(post_of(server.url(), ""))).body, "POST / HTTP/1.1|");
}

TEST_F(CurlTest, RequestsOneAfterAnotherShareOneConnection) {
  ScriptServer server(echo);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(send(post_of(server.url(), "poll")).has_value());
  }
  EXPECT_EQ(server.requests(), 50);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client_->counters().requests, 50U);
  EXPECT_EQ(client_->counters().connections, 1U);
  EXPECT_EQ(client_->counters().in_flight, 0U);
}

TEST_F(CurlTest, AConnectionThatTheServerClosedMeanwhileIsReplaced) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", "x");
    connection.close();
  });
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(send(post_of(server.url(), "poll")).has_value());
  }
}

TEST_F(CurlTest, AnErrorAnswerIsAReplyAndItsConnectionIsUsedAgain) {
  ScriptServer server([](const ScriptRequest& request, ScriptConnection& connection) {
    connection.answer(request.target().substr(1) + " Odd", "sorry");
  });
  for (const int status : {400, 401, 403, 404, 429, 500, 503}) {
    const auto reply = must(send(get_of(server.url("/" + std::to_string(status)))));
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.body, "sorry");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlTest, ALongErrorPageIsReadToItsEndButKeptOnlyInPart) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("404 Not Found", std::string(500'000, 'x'));
  });
  EXPECT_EQ(must(send(get_of(server.url()))).body.size(), 65536U);
  EXPECT_EQ(must(send(get_of(server.url()))).body.size(), 65536U);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlTest, AnErrorPageWithoutAnEndIsCutOff) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 503 Busy\r\nContent-Length: 99999999999\r\n\r\n");
    while (connection.write(std::string(65536, 'x'))) {
    }
    connection.close();
  });
  const auto reply = must(send(get_of(server.url())));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.size(), 65536U);
}

TEST_F(CurlTest, AnErrorPageThatBreaksOffIsStillAReply) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhalf");
    connection.close();
  });
  const auto reply = must(send(get_of(server.url())));
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.body, "half");
}

TEST_F(CurlTest, AnAnswerLargerThanAllowedIsAnErrorAndNotKept) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.write(std::string(65536, 'x'))) {
    }
    connection.close();
  });
  HttpRequest request = get_of(server.url());
  request.largest_answer = 1U << 20U;
  expect_error(send(request), ErrorClass::protocol, HasSubstr("larger than 1MiB"));
}

TEST_F(CurlTest, AHeadWithoutAnEndIsAnError) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\n");
    while (connection.write("X-More: " + std::string(1000, 'x') + "\r\n")) {
    }
    connection.close();
  });
  expect_error(send(get_of(server.url())), ErrorClass::protocol, HasSubstr("too large a head"));
}

TEST_F(CurlTest, ALineOfAHeadWithoutAnEndIsTheSameError) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nX-More: ");
    while (connection.write(std::string(65536, 'x'))) {
    }
    connection.close();
  });
  expect_error(send(get_of(server.url())), ErrorClass::protocol, HasSubstr("too large a head"));
}

TEST_F(CurlTest, CompressedTextIsUnpackedWithinTheSameBound) {
  const std::string text(3'000'000, 'r');
  const std::string packed = run({"gzip", "-c"}, text).output;
  ASSERT_LT(packed.size(), 10'000U);
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", packed, "Content-Encoding: gzip\r\n");
  });
  EXPECT_EQ(must(send(get_of(server.url()))).body, text);
  HttpRequest bounded = get_of(server.url());
  bounded.largest_answer = 100'000;
  expect_error(send(bounded), ErrorClass::protocol, HasSubstr("larger than"));
  HttpRequest own = get_of(server.url());
  own.headers = {{"accept-encoding", "zstd, gzip"}};
  EXPECT_EQ(must(send(own)).body, packed) << "the caller asked, the caller unpacks";
}

TEST_F(CurlTest, RetryAfterIsReadAsSecondsAndAsADate) {
  ScriptServer server([](const ScriptRequest& request, ScriptConnection& connection) {
    const std::string value = request.target() == "/date"   ? http_date(std::chrono::seconds(120))
                              : request.target() == "/past" ? http_date(std::chrono::seconds(-120))
                                                            : request.target().substr(1);
    connection.answer("429 Slow", "", "Retry-After: " + value + "\r\n");
  });
  using std::chrono::seconds;
  EXPECT_EQ(must(send(get_of(server.url("/17")))).retry_after, seconds(17));
  EXPECT_EQ(must(send(get_of(server.url("/0")))).retry_after, seconds(0));
  EXPECT_EQ(must(send(get_of(server.url("/past")))).retry_after, seconds(0));
  EXPECT_EQ(must(send(get_of(server.url("/soon")))).retry_after, std::nullopt);
  for (const char* forever : {"/10000000000", "/9223372036854775807"}) {
    EXPECT_EQ(must(send(get_of(server.url(forever)))).retry_after, std::chrono::hours(24));
  }
  const auto date = must(send(get_of(server.url("/date")))).retry_after;
  ASSERT_TRUE(date.has_value());
  EXPECT_THAT(date->count(), AllOf(::testing::Ge(115), ::testing::Le(120)));
}

TEST_F(CurlTest, NobodyAtThePortIsANetworkErrorThatSaysSo) {
  int port = 0;
  {
    const SilentServer gone;
    port = gone.port();
  }
  expect_error(send(get_of("http://127.0.0.1:" + std::to_string(port) + "/")), ErrorClass::network,
               AllOf(HasSubstr("127.0.0.1:" + std::to_string(port)), HasSubstr("refused")));
}

TEST_F(CurlTest, ANameThatDoesNotExistIsANetworkErrorThatSaysSo) {
  expect_error(send(get_of("http://no-such-host.invalid/")), ErrorClass::network,
               HasSubstr("cannot find the address of no-such-host.invalid"));
}

TEST_F(CurlTest, AnAnswerThatIsNoHttpIsAProtocolError) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("SSH-2.0-OpenSSH_9.2\r\n");
    connection.close();
  });
  expect_error(send(get_of(server.url())), ErrorClass::protocol, HasSubstr("does not speak HTTP"));
}

TEST_F(CurlTest, AnAnswerThatBreaksOffIsANetworkError) {
  ScriptServer server([](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.target() == "/half") {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    }
    connection.close();
  });
  expect_error(send(get_of(server.url("/half"))), ErrorClass::network,
               HasSubstr("in the middle of its answer"));
  expect_error(send(get_of(server.url("/none"))), ErrorClass::network,
               HasSubstr("without an answer"));
}

TEST_F(CurlTest, WhatCannotBeSentIsAnErrorOfConfigurationWithoutTheSecret) {
  const auto odd = [](auto change) {
    HttpRequest request = get_of("http://127.0.0.1:1/");
    change(request);
    return request;
  };
  const std::vector<HttpRequest> wrong{
      odd([](auto& request) { request.url = "ftp://hunter2@example.org/"; }),
      odd([](auto& request) { request.url = "file:///etc/passwd?hunter2"; }),
      odd([](auto& request) { request.url = "https://ann:hunter2@example.org/"; }),
      odd([](auto& request) { request.url = ""; }),
      odd([](auto& request) { request.url = "https://"; }),
      odd([](auto& request) {
        request.headers = {{"X", "hunter2\r\nY: 1"}};
      }),
      odd([](auto& request) {
        request.headers = {{"X hunter2", "1"}};
      }),
      odd([](auto& request) {
        request.headers = {{"", "hunter2"}};
      }),
      odd([](auto& request) { request.authorization = Secret("Bearer hunter2\nX: y"); }),
  };
  for (const HttpRequest& request : wrong) {
    expect_error(send(request), ErrorClass::config, Not(HasSubstr("hunter2")));
  }
}

TEST_F(CurlTest, ManyRequestsAtOnceShareFewConnectionsAndComeInOrder) {
  CurlOptions options;
  options.connections_per_host = 1;
  restart(options);
  std::vector<std::string> order;
  ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
    order.push_back(request.target());
    connection.answer("200 OK", "");
  });
  Results results;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    expected.push_back("/" + std::to_string(i));
    client_->send_async(get_of(server.url(expected.back())), kPatient, CancelToken(),
                        results.slot());
  }
  for (const auto& result : results.await(300)) {
    ASSERT_TRUE(result.has_value()) << result.error().message;
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(order, expected);
}

TEST_F(CurlTest, NoMoreRequestsThanAllowedAreUnderWayTowardsAHost) {
  CurlOptions options;
  options.requests_per_host = 3;
  options.connections_per_host = 8;
  restart(options);
  std::atomic<int> now_here{0};
  std::atomic<int> most{0};
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    const int here = ++now_here;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    connection.pause(5);
    --now_here;
    connection.answer("200 OK", "");
  });
  ScriptServer other(echo);
  Results results;
  Results others;
  for (int i = 0; i < 40; ++i) {
    client_->send_async(get_of(server.url()), kPatient, CancelToken(), results.slot());
  }
  client_->send_async(get_of(other.url()), kPatient, CancelToken(), others.slot());
  others.await(1);
  EXPECT_LT(results.count(), 40U) << "another host has a limit of its own";
  results.await(40);
  EXPECT_EQ(most, 3);
}

TEST_F(CurlTest, AProxyOfTheEnvironmentIsUsedAndItsPasswordIsNotTold) {
  client_->stop();
  ScriptServer proxy([](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.line.rfind("CONNECT", 0) == 0) {
      connection.answer("403 No", "");
    } else {
      connection.answer("200 OK", request.line + "|" + request.header("proxy-authorization"));
    }
  });
  const std::string url = "http://ann:hunter2@127.0.0.1:" + std::to_string(proxy.port());
  // No other thread looks at the environment: the client starts after and stops before a change.
  ::setenv("http_proxy", url.c_str(), 1);   // NOLINT(concurrency-mt-unsafe)
  ::setenv("https_proxy", url.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  restart({});
  EXPECT_EQ(must(send(get_of("http://docs.example/x"))).body,
            "GET http://docs.example/x HTTP/1.1|Basic YW5uOmh1bnRlcjI=");
  expect_error(send(get_of("https://docs.example/x")), ErrorClass::network,
               AllOf(HasSubstr("docs.example"), HasSubstr("403"), Not(HasSubstr("hunter2"))));
  client_->stop();
  ::unsetenv("http_proxy");   // NOLINT(concurrency-mt-unsafe)
  ::unsetenv("https_proxy");  // NOLINT(concurrency-mt-unsafe)
}
