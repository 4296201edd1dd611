#include <fcntl.h>

#include "remote/curl_client.h"
#include "support/curl_fixture.h"

using namespace freshet;
using namespace freshet::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

namespace {

/// Writes what comes into a pipe and keeps what does not fit.
class PipeSink : public BodySink {
 public:
  PipeSink() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("cannot make a pipe");
    }
    read_end.reset(ends[0]);
    write_end_.reset(ends[1]);
    ::fcntl(write_end_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(write_end_.get(), F_SETPIPE_SZ, 4096);
  }
  bool accepts(const HttpReply& head) override {
    seen_type = head.content_type;
    return head.content_type != "text/html";
  }
  Take take(std::string_view bytes) override {
    most_at_once = std::max(most_at_once, bytes.size());
    kept_.append(bytes);
    while (!kept_.empty()) {
      const ssize_t written = ::write(write_end_.get(), kept_.data(), kept_.size());
      if (written < 0) {
        ++waits;
        return errno == EAGAIN ? Take::wait : Take::stop;
      }
      kept_.erase(0, static_cast<std::size_t>(written));
    }
    return Take::more;
  }
  int descriptor() const override { return write_end_.get(); }
  void close() { write_end_.reset(); }

  UniqueFd read_end;
  std::string seen_type;
  std::size_t most_at_once = 0;
  std::atomic<int> waits{0};

 private:
  UniqueFd write_end_;
  std::string kept_;
};

/// A body in which every place is different from its neighbours.
std::string long_body(std::size_t size) {
  std::string body;
  body.reserve(size + 16);
  for (std::size_t i = 0; body.size() < size; ++i) {
    body += std::to_string(i * 2654435761U);
  }
  body.resize(size);
  return body;
}

std::string read_some(int descriptor) {
  std::array<char, 65536> buffer;  // NOLINT: filled by read
  const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

std::string read_all(int descriptor) {
  std::string all;
  for (std::string piece; !(piece = read_some(descriptor)).empty();) {
    all += piece;
  }
  return all;
}

HttpRequest into(PipeSink& sink, std::string url) {
  HttpRequest request = get_of(std::move(url));
  request.body_to = &sink;
  return request;
}

}  // namespace

TEST_F(CurlTest, ABodyFlowsThroughASlowPipeWholeAndInOrder) {
  const std::string body = long_body(5'000'000);
  for (const bool chunked : {false, true}) {
    ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
      EXPECT_EQ(request.header("accept-encoding"), "");
      if (!chunked) {
        connection.answer("200 OK", body);
        return;
      }
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (std::size_t at = 0; at < body.size(); at += 50'000) {
        connection.write("c350\r\n" + body.substr(at, 50'000) + "\r\n");
      }
      connection.write("0\r\n\r\n");
    });
    for (int round = 0; round < 2; ++round) {
      PipeSink sink;
      std::string arrived;
      std::thread reader([&] { arrived = read_all(sink.read_end.get()); });
      const auto reply = must(send(into(sink, server.url())));
      sink.close();
      reader.join();
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.body, "");
      EXPECT_TRUE(arrived == body) << "the bytes differ";
      EXPECT_GT(sink.waits, 0);
      EXPECT_LE(sink.most_at_once, 16384U);
    }
    EXPECT_EQ(server.connections(), 1) << "kept alive";
  }
}

TEST_F(CurlTest, AnUpstreamIsHeldBackWhileNobodyReads) {
  std::atomic<std::size_t> sent{0};
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    const std::string piece(65536, 'x');
    while (connection.write(piece)) {
      sent += piece.size();
    }
    connection.close();
  });
  PipeSink sink;
  CancelToken cancel;
  Results results;
  client_->send_async(into(sink, server.url()), {seconds(60), milliseconds(300)}, cancel,
                      results.slot());
  // Until the server has not got rid of another byte for longer than the limit of silence.
  for (std::size_t before = 1; before != sent || sink.waits == 0;) {
    before = sent;
    ::poll(nullptr, 0, 400);
  }
  EXPECT_LT(sent, 64'000'000U) << "what the kernel buffers";
  EXPECT_EQ(results.count(), 0U) << "the upstream is not to blame for this silence";
  EXPECT_EQ(read_some(sink.read_end.get()).size(), 4096U);
  cancel.cancel();
  expect_error(results.await(1)[0], ErrorClass::conflict, HasSubstr("cancelled"));
}

TEST_F(CurlTest, DoneComesOnlyAfterTheLastByteWasHandedOn) {
  const std::string body = long_body(8192);
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", body);
  });
  PipeSink sink;
  Results results;
  client_->send_async(into(sink, server.url()), kPatient, CancelToken(), results.slot());
  while (sink.waits == 0) {
    ::poll(nullptr, 0, 1);
  }
  ASSERT_TRUE(send(get_of(server.url())).has_value());
  EXPECT_EQ(results.count(), 0U);
  std::string arrived = read_some(sink.read_end.get());
  arrived += read_some(sink.read_end.get());
  EXPECT_TRUE(results.await(1)[0].has_value());
  EXPECT_EQ(arrived, body);
}

TEST_F(CurlTest, TheLimitOfTheWholeCountsWhileASinkWaits) {
  ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
    connection.answer("200 OK", std::string(request.target() == "/short" ? 8192 : 8'000'000, 'x'));
  });
  for (const char* target : {"/short", "/long"}) {
    PipeSink sink;
    expect_error(send(into(sink, server.url(target)), {milliseconds(300), seconds(30)}),
                 ErrorClass::timeout, HasSubstr("did not answer completely within 300ms"));
  }
}

TEST_F(CurlTest, AfterAWaitTheSilenceOfTheUpstreamCountsAgain) {
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(8192, 'x'));
    connection.wait_for_end();
  });
  PipeSink sink;
  Results results;
  client_->send_async(into(sink, server.url()), {seconds(60), milliseconds(300)}, CancelToken(),
                      results.slot());
  while (sink.waits == 0) {
    ::poll(nullptr, 0, 1);
  }
  ::poll(nullptr, 0, 500);
  EXPECT_EQ(results.count(), 0U);
  read_some(sink.read_end.get());
  expect_error(results.await(1)[0], ErrorClass::timeout, HasSubstr("no byte from"));
}

TEST_F(CurlTest, AReaderThatGoesAwayEndsTheTransfer) {
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", std::string(8'000'000, 'x'));
  });
  PipeSink sink;
  Results results;
  client_->send_async(into(sink, server.url()), kPatient, CancelToken(), results.slot());
  while (sink.waits == 0) {
    ::poll(nullptr, 0, 1);
  }
  sink.read_end.reset();
  expect_error(results.await(1)[0], ErrorClass::protocol, HasSubstr("not taken to its end"));
  PipeSink broken;
  broken.read_end.reset();
  expect_error(send(into(broken, server.url())), ErrorClass::protocol,
               HasSubstr("not taken to its end"));
}

TEST_F(CurlTest, ASinkSeesTheHeadFirstAndMayLeaveTheBodyToTheReply) {
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", "please log in", "Content-Type: text/html\r\n");
  });
  PipeSink sink;
  const auto reply = must(send(into(sink, server.url())));
  EXPECT_EQ(reply.body, "please log in");
  EXPECT_EQ(sink.seen_type, "text/html");
  EXPECT_EQ(sink.most_at_once, 0U);
}

TEST_F(CurlTest, ASinkGetsNothingOfAnErrorPageOrARedirect) {
  ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
    if (request.target() == "/moved") {
      connection.answer("302 Found", "moved", "Location: /error\r\n");
    } else {
      connection.answer("403 No", "go away");
    }
  });
  PipeSink sink;
  const auto reply = must(send(into(sink, server.url("/moved"))));
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.body, "go away");
  EXPECT_EQ(sink.most_at_once, 0U);
}

TEST_F(CurlTest, ATransferCanBeStoppedOrCancelledWhileItsSinkWaits) {
  ScriptServer server([&](const ScriptRequest&, ScriptConnection& connection) {
    connection.answer("200 OK", std::string(8'000'000, 'x'));
  });
  PipeSink first;
  PipeSink second;
  CancelToken cancel;
  Results results;
  client_->send_async(into(first, server.url()), kPatient, cancel, results.slot());
  client_->send_async(into(second, server.url()), kPatient, CancelToken(), results.slot());
  while (first.waits == 0 || second.waits == 0) {
    ::poll(nullptr, 0, 1);
  }
  cancel.cancel();
  expect_error(results.await(1)[0], ErrorClass::conflict, HasSubstr("cancelled"));
  client_->stop();
  expect_error(results.await(2)[1], ErrorClass::conflict, HasSubstr("stopped"));
}

TEST_F(CurlTest, FiftyPipesAtDifferentSpeedsGetTheirOwnBytes) {
  ScriptServer server([&](const ScriptRequest& request, ScriptConnection& connection) {
    const std::size_t size = 100'000 + std::stoul(request.target().substr(1)) * 1000;
    connection.answer("200 OK", long_body(size));
  });
  constexpr std::size_t kPipes = 50;
  std::array<PipeSink, kPipes> sinks;
  std::array<std::string, kPipes> arrived;
  std::vector<std::thread> readers;
  readers.reserve(kPipes);
  Results results;
  for (std::size_t i = 0; i < kPipes; ++i) {
    client_->send_async(into(sinks[i], server.url("/" + std::to_string(i))), kPatient,
                        CancelToken(), results.slot());
    readers.emplace_back([&, i] { arrived[i] = read_all(sinks[i].read_end.get()); });
  }
  for (const auto& result : results.await(kPipes)) {
    EXPECT_TRUE(result.has_value()) << result.error().message;
  }
  for (std::size_t i = 0; i < kPipes; ++i) {
    sinks[i].close();
    readers[i].join();
    EXPECT_TRUE(arrived[i] == long_body(100'000 + i * 1000)) << i;
  }
  EXPECT_LE(server.connections(), 16);
}
