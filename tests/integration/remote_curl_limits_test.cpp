#include <dlfcn.h>
#include <netdb.h>

#include "remote/curl_client.h"
#include "support/curl_fixture.h"

using namespace freshet;
using namespace freshet::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

CancelToken stuck_lookups_go_on;
std::atomic<int> stuck_lookups{0};

/// How long something took; the machine may be slow, so tests only bound it generously from above.
template <class Action>
Duration time_of(Action action) {
  const Instant begin = now();
  action();
  return std::chrono::duration_cast<Duration>(now() - begin);
}

constexpr Duration kSoon = seconds(5);

TimeLimits silent_for(Duration silence) {
  return {seconds(60), silence};
}

/// Takes connections into a line that is full: nobody gets through, nobody is refused.
class UnreachableServer {
 public:
  UnreachableServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    socklen_t size = sizeof address_;
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address_);  // NOLINT: as sockets want it
    if (::bind(socket_.get(), generic, size) != 0 || ::listen(socket_.get(), 0) != 0 ||
        ::getsockname(socket_.get(), generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    for (UniqueFd& filler : fillers_) {
      filler.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      static_cast<void>(::connect(filler.get(), generic, size));
    }
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/";
  }

 private:
  UniqueFd socket_;
  sockaddr_in address_{};
  std::array<UniqueFd, 4> fillers_;
};

void dribble(const ScriptRequest& /*request*/, const ScriptConnection& connection) {
  connection.write("HTTP/1.1 200 OK\r\n\r\n");
  while (connection.pause(20) && connection.write("x")) {
  }
}

}  // namespace

/// Stands in for the C library's: names below "stuck.test" are not answered until the test ends.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  if (name != nullptr && std::string_view(name).find("stuck.test") != std::string_view::npos) {
    ++stuck_lookups;
    pollfd watched{stuck_lookups_go_on.descriptor(), POLLIN, 0};
    ::poll(&watched, 1, -1);
    return EAI_AGAIN;
  }
  static const auto original = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return original(name, service, hints, result);
}

TEST_F(CurlTest, AServerThatTakesTheRequestAndSaysNothingIsATimeout) {
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.wait_for_end(); });
  const Duration took = time_of([&] {
    expect_error(send(get_of(server.url()), silent_for(milliseconds(600))), ErrorClass::timeout,
                 AllOf(HasSubstr("no byte from 127.0.0.1:"), HasSubstr("600ms")));
  });
  EXPECT_GE(took, milliseconds(600));
  EXPECT_LT(took, kSoon);
}

TEST_F(CurlTest, AServerThatFallsSilentInTheMiddleIsATimeout) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    connection.wait_for_end();
  });
  expect_error(send(get_of(server.url()), silent_for(milliseconds(600))), ErrorClass::timeout,
               HasSubstr("no byte from"));
}

TEST_F(CurlTest, OneByteNowAndThenIsNoSilenceButReachesTheLimitOfTheWhole) {
  ScriptServer server(dribble);
  const TimeLimits limits{milliseconds(1500), milliseconds(800)};
  const Duration took = time_of([&] {
    expect_error(send(get_of(server.url()), limits), ErrorClass::timeout,
                 AllOf(HasSubstr("did not answer completely"), HasSubstr("1s500ms")));
  });
  EXPECT_GE(took, milliseconds(1500));
  EXPECT_LT(took, kSoon);
}

TEST_F(CurlTest, WithoutLimitsASlowAnswerIsWaitedFor) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.pause(300);
    connection.answer("200 OK", "late");
  });
  EXPECT_EQ(must(send(get_of(server.url()), TimeLimits{})).body, "late");
}

TEST_F(CurlTest, AnErrorPageThatFallsSilentIsStillAReply) {
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 401 No\r\nContent-Length: 1000\r\n\r\nwho?");
    connection.wait_for_end();
  });
  const auto reply = must(send(get_of(server.url()), silent_for(milliseconds(600))));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.body, "who?");
}

TEST_F(CurlTest, AHostThatDoesNotTakeConnectionsIsATimeoutOfConnecting) {
  CurlOptions options;
  options.connect_limit = milliseconds(300);
  restart(options);
  const UnreachableServer server;
  const Duration took = time_of([&] {
    expect_error(send(get_of(server.url())), ErrorClass::timeout,
                 AllOf(HasSubstr("no connection to 127.0.0.1:"), HasSubstr("within 300ms")));
  });
  EXPECT_GE(took, milliseconds(290));
  EXPECT_LT(took, kSoon);
}

TEST_F(CurlTest, AllRequestsToADeadHostFailTogetherHoweverManyWait) {
  CurlOptions options;
  options.connect_limit = milliseconds(300);
  options.connections_per_host = 2;
  restart(options);
  const UnreachableServer server;
  Results results;
  const Duration took = time_of([&] {
    for (int i = 0; i < 60; ++i) {
      client_->send_async(get_of(server.url()), silent_for(milliseconds(400)), CancelToken(),
                          results.slot());
    }
    for (const auto& result : results.await(60)) {
      expect_error(result, ErrorClass::timeout, HasSubstr("127.0.0.1"));
    }
  });
  EXPECT_LT(took, kSoon);
}

TEST_F(CurlTest, RequestsInLineWaitAsLongAsTheHostAnswersOthers) {
  CurlOptions options;
  options.connections_per_host = 1;
  restart(options);
  ScriptServer server([](const ScriptRequest&, ScriptConnection& connection) {
    connection.pause(100);
    connection.answer("200 OK", "");
  });
  Results results;
  for (int i = 0; i < 15; ++i) {
    client_->send_async(get_of(server.url()), silent_for(milliseconds(1000)), CancelToken(),
                        results.slot());
  }
  for (const auto& result : results.await(15)) {
    EXPECT_TRUE(result.has_value()) << result.error().message;
  }
}

TEST_F(CurlTest, ANameLookupThatHangsHoldsUpNobodyElse) {
  CurlOptions options;
  options.connect_limit = milliseconds(1000);
  restart(options);
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.answer("200 OK", ""); });
  Results stuck;
  CancelToken cancel;
  client_->send_async(get_of("http://late.stuck.test/"), kPatient, CancelToken(), stuck.slot());
  client_->send_async(get_of("http://cancelled.stuck.test/"), kPatient, cancel, stuck.slot());
  const Duration took = time_of([&] {
    while (stuck_lookups < 2) {
      ::poll(nullptr, 0, 1);
    }
    cancel.cancel();
    expect_error(stuck.await(1)[0], ErrorClass::conflict, HasSubstr("cancelled.stuck.test"));
    expect_error(stuck.await(2)[1], ErrorClass::timeout, HasSubstr("late.stuck.test"));
    EXPECT_TRUE(send(get_of(server.url())).has_value());
  });
  EXPECT_LT(took, kSoon);
  stuck_lookups_go_on.cancel();
}

TEST_F(CurlTest, CancellingEndsARequestAtOnceInEveryState) {
  ScriptServer silent([](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.target() == "/body") {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    }
    connection.wait_for_end();
  });
  const UnreachableServer unreachable;
  for (const std::string& url : {silent.url("/head"), silent.url("/body"), unreachable.url()}) {
    CancelToken cancel;
    Results results;
    client_->send_async(get_of(url), kPatient, cancel, results.slot());
    if (url != unreachable.url()) {
      silent.await_requests(url == silent.url("/head") ? 1 : 2);
    }
    EXPECT_EQ(results.count(), 0U);
    const Duration took = time_of([&] {
      cancel.cancel();
      expect_error(results.await(1)[0], ErrorClass::conflict, HasSubstr("was cancelled"));
    });
    EXPECT_LT(took, kSoon);
  }
  EXPECT_EQ(client_->counters().in_flight, 0U);
}

TEST_F(CurlTest, ARequestCancelledBeforehandIsNeverSent) {
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.answer("200 OK", ""); });
  const CancelToken cancel;
  cancel.cancel();
  expect_error(client_->send(get_of(server.url()), kPatient, cancel), ErrorClass::conflict,
               HasSubstr("cancelled"));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(CurlTest, OneTokenEndsAllRequestsThatShareItAndNoOther) {
  CurlOptions options;
  options.connections_per_host = 4;
  restart(options);
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.wait_for_end(); });
  CancelToken one;
  CancelToken other;
  Results cancelled;
  Results left;
  for (int i = 0; i < 50; ++i) {
    client_->send_async(get_of(server.url()), kPatient, one, cancelled.slot());
    client_->send_async(get_of(server.url()), kPatient, other, left.slot());
  }
  server.await_requests(4);
  one.cancel();
  for (const auto& result : cancelled.await(50)) {
    expect_error(result, ErrorClass::conflict, HasSubstr("cancelled"));
  }
  EXPECT_EQ(left.count(), 0U);
  EXPECT_EQ(client_->counters().in_flight, 50U);
}

TEST_F(CurlTest, StoppingEndsWhatIsUnderWayWhatWaitsAndWhatComesLater) {
  CurlOptions options;
  options.connections_per_host = 4;
  restart(options);
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.wait_for_end(); });
  Results results;
  for (int i = 0; i < 20; ++i) {
    client_->send_async(get_of(server.url()), kPatient, CancelToken(), results.slot());
  }
  server.await_requests(4);
  const Duration took = time_of([&] { client_->stop(); });
  EXPECT_LT(took, kSoon);
  EXPECT_EQ(results.count(), 20U);
  client_->send_async(get_of(server.url()), kPatient, CancelToken(), results.slot());
  for (const auto& result : results.await(21)) {
    expect_error(result, ErrorClass::conflict, HasSubstr("stopped"));
  }
  EXPECT_EQ(client_->counters().in_flight, 0U);
}

TEST_F(CurlTest, DoneMaySendTheNextRequest) {
  ScriptServer server(
      [](const ScriptRequest&, ScriptConnection& connection) { connection.answer("200 OK", ""); });
  Results last;
  std::atomic<int> left{100};
  std::function<void(Result<HttpReply>)> next = [&](Result<HttpReply> result) {
    if (--left == 0) {
      last.slot()(std::move(result));
    } else {
      client_->send_async(get_of(server.url()), kPatient, CancelToken(), next);
    }
  };
  client_->send_async(get_of(server.url()), kPatient, CancelToken(), next);
  EXPECT_TRUE(last.await(1)[0].has_value());
  EXPECT_EQ(server.requests(), 100);
}

TEST_F(CurlTest, AThousandRequestsOfEightThreadsEachEndOnceWhateverBefallsThem) {
  ScriptServer server([](const ScriptRequest& request, ScriptConnection& connection) {
    const std::string target = request.target();
    if (target == "/silent") {
      connection.wait_for_end();
    } else if (target == "/break") {
      connection.close();
    } else if (target == "/moved") {
      connection.answer("302 Found", "", "Location: /here\r\n");
    } else {
      connection.answer("200 OK", std::string(5000, 'x'));
    }
  });
  constexpr int kThreads = 8;
  constexpr int kEach = 125;
  Results results;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::array targets{"/ok", "/silent", "/moved", "/break", "/ok"};
        const CancelToken cancel;
        const bool silent = i % 5 == 1;
        client_->send_async(
            get_of(server.url(targets[static_cast<std::size_t>(i) % targets.size()])),
            silent ? silent_for(milliseconds(50)) : kPatient, cancel, results.slot());
        if ((i + t) % 7 == 0) {
          cancel.cancel();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::size_t answered = 0;
  for (const auto& result : results.await(std::size_t{kThreads} * kEach)) {
    answered += result.has_value() ? 1 : 0;
  }
  EXPECT_GT(answered, 400U);
  EXPECT_EQ(client_->counters().in_flight, 0U);
}
