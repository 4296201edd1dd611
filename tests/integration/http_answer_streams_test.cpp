// Answers that go on until their client leaves.
#include <atomic>
#include <deque>
#include <filesystem>
#include <thread>

#include "support/http_test_server.h"
#include "support/tls_client.h"

namespace freshet::http {
namespace {

namespace fs = std::filesystem;

/// What every stream of /feed says, in the order in which it was said.
class Feed {
 public:
  void say(std::string text) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    said_.push_back(std::move(text));
  }
  void end() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ended_ = true;
  }
  std::optional<AnswerStream::Piece> from(std::size_t& next) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (next == said_.size()) {
      return ended_ ? std::nullopt : std::optional(AnswerStream::Piece{});
    }
    AnswerStream::Piece piece{said_[next++], false};
    piece.more = next < said_.size();
    return piece;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> said_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

class FeedStream : public AnswerStream {
 public:
  FeedStream(Feed& feed, std::atomic<int>& open) : feed_(feed), open_(open) { ++open_; }
  ~FeedStream() override { --open_; }
  std::optional<Piece> next() override { return feed_.from(next_); }

 private:
  Feed& feed_;
  std::atomic<int>& open_;
  std::size_t next_ = 0;
};

/// Has always more to say than anybody takes.
class Flood : public AnswerStream {
 public:
  Flood(std::atomic<int>& pieces, std::atomic<int>& open) : pieces_(pieces), open_(open) {
    ++open_;
  }
  ~Flood() override { --open_; }
  std::optional<Piece> next() override {
    ++pieces_;
    return Piece{std::string(kPiece, 'x'), true};
  }
  static constexpr std::size_t kPiece = 65'536;

 private:
  std::atomic<int>& pieces_;
  std::atomic<int>& open_;
};

class StreamingApplication : public Application {
 public:
  std::optional<Response> before_body(const Request& /*head*/) override { return std::nullopt; }
  Response respond(const Request& request) override {
    Response response;
    response.content_type = "text/plain";
    if (request.path == "/feed") {
      response.stream = std::make_shared<FeedStream>(feed, open);
    } else if (request.path == "/flood") {
      response.stream = std::make_shared<Flood>(pieces, open);
    } else {
      response.body = request.path;
    }
    return response;
  }

  Feed feed;
  std::atomic<int> open{0};
  std::atomic<int> pieces{0};
};

class HttpAnswerStreams : public ::testing::Test {
 protected:
  HttpAnswerStreams() {
    options_.workers = 1;
    std::string name = (fs::temp_directory_path() / "freshet-http-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~HttpAnswerStreams() override {
    server_.reset();
    fs::remove_all(directory_);
  }

  void start() {
    auto server = Server::listen(options_, application_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  RawClient client() { return RawClient(server_->address()); }
  RawClient stream(const std::string& path = "/feed") {
    RawClient one = client();
    one.send(get(path));
    return one;
  }
  void wait_until_open(int count) {
    while (application_.open != count) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  /// Until the server has nothing to do for a reader that takes nothing.
  void wait_until_full(RawClient& reader) {
    const std::string head = reader.until("\r\n\r\n");
    EXPECT_FALSE(head.empty());
    for (int before = -1; before != application_.pieces;) {
      before = application_.pieces;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  StreamingApplication application_;
  fs::path directory_;
  Options options_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpAnswerStreams, what_comes_later_is_sent_when_it_is_there) {
  start();
  RawClient one = stream();
  const std::string head = one.until("\r\n\r\n");
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  application_.feed.say("first\n");
  EXPECT_EQ(one.until("\n"), "first\n");
  application_.feed.say("second\n");
  application_.feed.say("third\n");
  EXPECT_EQ(one.until("third\n"), "second\nthird\n");
}

TEST_F(HttpAnswerStreams, the_only_worker_is_free_while_streams_are_open) {
  start();
  std::vector<RawClient> open;
  for (int i = 0; i < 20; ++i) {
    open.push_back(stream());
    EXPECT_FALSE(open.back().until("\r\n\r\n").empty());
  }
  EXPECT_EQ(client().ask(get("/say")).body, "/say");
  application_.feed.say("to all\n");
  for (RawClient& one : open) {
    EXPECT_EQ(one.until("\n"), "to all\n");
  }
}

TEST_F(HttpAnswerStreams, a_unix_socket_carries_them_too) {
  options_.listen.unix_path = directory_ / "admin.sock";
  start();
  application_.feed.say("hello\n");
  RawClient one = stream();
  EXPECT_NE(one.until("hello\n").find("200 OK"), std::string::npos);
  one.close();
  wait_until_open(0);
}

TEST_F(HttpAnswerStreams, tls_carries_them_too) {
  ::signal(SIGPIPE, SIG_IGN);
  const TestCertificate certificate(directory_);
  options_.tls = TlsFiles{certificate.certificate, certificate.key};
  start();
  {
    TlsClient one(server_->address());
    ASSERT_TRUE(one.shake_hands());
    one.send(get("/feed"));
    wait_until_open(1);
    application_.feed.say("hello\n");
    application_.feed.end();
    EXPECT_EQ(one.answer().status, 200);
  }
  wait_until_open(0);
}

TEST_F(HttpAnswerStreams, a_stream_ends_when_its_source_does) {
  start();
  RawClient one = stream();
  application_.feed.say("last\n");
  EXPECT_FALSE(one.until("last\n").empty());
  application_.feed.end();
  EXPECT_TRUE(one.ended());
  wait_until_open(0);
}

TEST_F(HttpAnswerStreams, a_client_that_leaves_is_noticed_without_a_word_to_it) {
  start();
  RawClient one = stream();
  EXPECT_FALSE(one.until("\r\n\r\n").empty());
  one.close();
  wait_until_open(0);
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpAnswerStreams, what_a_client_still_sends_is_no_request) {
  start();
  RawClient one = stream();
  EXPECT_FALSE(one.until("\r\n\r\n").empty());
  one.send(get("/say"));
  application_.feed.say("only this\n");
  EXPECT_EQ(one.until("\n"), "only this\n");
  application_.feed.end();
  EXPECT_TRUE(one.ended());
}

TEST_F(HttpAnswerStreams, head_is_answered_without_a_stream) {
  start();
  RawClient one = client();
  one.send("HEAD /feed HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(one.answer(true).status, 200);
  EXPECT_EQ(one.ask(get("/say")).body, "/say");
  wait_until_open(0);
}

TEST_F(HttpAnswerStreams, an_idle_stream_outlives_every_deadline_of_answers_and_requests) {
  for (auto* limit : {&options_.head_timeout, &options_.idle_timeout, &options_.answer_timeout,
                      &options_.stream_timeout, &options_.linger_timeout}) {
    *limit = std::chrono::milliseconds(50);
  }
  options_.stream_interval = std::chrono::milliseconds(10);
  start();
  RawClient one = stream();
  EXPECT_FALSE(one.until("\r\n\r\n").empty());
  RawClient idle = client();
  EXPECT_TRUE(idle.ended());  // so the limits were looked at, and have passed
  RawClient later = client();
  EXPECT_TRUE(later.ended());
  application_.feed.say("still here\n");
  EXPECT_EQ(one.until("\n"), "still here\n");
}

TEST_F(HttpAnswerStreams, a_reader_that_takes_nothing_costs_what_the_kernel_holds_and_is_ended) {
  options_.stream_timeout = std::chrono::milliseconds(1500);
  start();
  RawClient one = stream("/flood");
  wait_until_full(one);
  wait_until_open(0);
}

TEST_F(HttpAnswerStreams, a_reader_that_takes_nothing_holds_nobody_else) {
  start();
  RawClient full = stream("/flood");
  wait_until_full(full);
  const int pieces = application_.pieces;
  RawClient one = stream();
  application_.feed.say("hello\n");
  EXPECT_FALSE(one.until("hello\n").empty());
  EXPECT_EQ(client().ask(get("/say")).status, 200);
  EXPECT_EQ(application_.pieces, pieces);
  EXPECT_EQ(application_.open, 2);
}

TEST_F(HttpAnswerStreams, stopping_ends_streams_at_once_whether_idle_or_full) {
  options_.stop_grace = std::chrono::hours(1);
  start();
  RawClient idle = stream();
  EXPECT_FALSE(idle.until("\r\n\r\n").empty());
  RawClient full = stream("/flood");
  wait_until_full(full);
  server_->stop();
  EXPECT_EQ(application_.open, 0);
  EXPECT_TRUE(idle.ended());
}

}  // namespace
}  // namespace freshet::http
