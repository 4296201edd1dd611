#include "remote/reply_collector.h"

#include <gtest/gtest.h>

#include <deque>

using namespace freshet::remote;
using State = ReplyCollector::State;

namespace {

/// Answers as told, then `more`.
class ScriptedSink : public BodySink {
 public:
  bool accepts(const HttpReply& /*head*/) override { return willing; }
  Take take(std::string_view bytes) override {
    taken += bytes;
    if (answers.empty()) {
      return Take::more;
    }
    const Take answer = answers.front();
    answers.pop_front();
    return answer;
  }
  int descriptor() const override { return -1; }

  bool willing = true;
  std::deque<Take> answers;
  std::string taken;
};

void add_head(ReplyCollector& collector, int status) {
  collector.add_line("HTTP/1.1 " + std::to_string(status) + " X\r\n");
  collector.add_line("Content-Type:  text/plain \r\n");
  collector.add_line("\r\n");
}

}  // namespace

TEST(ReplyCollector, ForgetsInterimAnswersAndTrailers) {
  ReplyCollector collector(100, nullptr);
  EXPECT_TRUE(collector.untouched());
  collector.add_line("HTTP/1.1 103 Early Hints\r\n");
  collector.add_line("Link: x\r\n");
  collector.add_line("\r\n");
  EXPECT_FALSE(collector.untouched());
  EXPECT_FALSE(collector.speaks_for_itself());
  add_head(collector, 404);
  collector.add_body("no");
  collector.add_line("Trailer: x\r\n");
  EXPECT_TRUE(collector.speaks_for_itself());
  EXPECT_EQ(collector.reply().status, 404);
  EXPECT_EQ(collector.reply().body, "no");
  EXPECT_EQ(collector.reply().content_type, "text/plain");
  EXPECT_EQ(collector.reply().headers.size(), 1U);
  EXPECT_EQ(collector.header("link"), "");
}

TEST(ReplyCollector, ReadsTheStatusOfHttp2AndOddLinesWithoutHarm) {
  ReplyCollector collector(100, nullptr);
  collector.add_line("HTTP/2 204 \r\n");
  collector.add_line("no colon\r\n");
  collector.add_line(": no name\r\n");
  collector.add_line("X-Empty:\r\n");
  collector.add_line("\r\n");
  EXPECT_EQ(collector.reply().status, 204);
  EXPECT_TRUE(collector.successful());
  ReplyCollector broken(100, nullptr);
  broken.add_line("HTTP/1.1\r\n");
  broken.add_line("\r\n");
  EXPECT_FALSE(broken.successful());
  EXPECT_FALSE(broken.speaks_for_itself());
}

TEST(ReplyCollector, ReadsNoStatusWithASign) {
  ReplyCollector collector(100, nullptr);
  collector.add_line("HTTP/1.1 -20 X\r\n");
  collector.add_line("\r\n");
  EXPECT_EQ(collector.reply().status, 0);
}

TEST(ReplyCollector, KeepsABodyUpToItsLimitExactly) {
  ReplyCollector collector(10, nullptr);
  add_head(collector, 200);
  collector.add_body("12345");
  collector.add_body("67890");
  EXPECT_EQ(collector.state(), State::collecting);
  EXPECT_EQ(collector.reply().body, "1234567890");
  collector.add_body("1");
  EXPECT_EQ(collector.state(), State::body_too_large);
  EXPECT_TRUE(collector.must_end());
}

TEST(ReplyCollector, KeepsTheBeginningOfAnErrorPageAndReadsOnWithinABound) {
  ReplyCollector collector(10, nullptr);
  add_head(collector, 500);
  const std::string piece(16384, 'x');
  for (int i = 0; i < 64; ++i) {
    collector.add_body(piece);
    ASSERT_FALSE(collector.must_end()) << i;
  }
  EXPECT_EQ(collector.reply().body.size(), 65536U);
  collector.add_body("x");
  EXPECT_EQ(collector.state(), State::enough);
}

TEST(ReplyCollector, BoundsTheHead) {
  ReplyCollector collector(10, nullptr);
  collector.add_line("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 300; ++i) {
    collector.add_line("X: " + std::string(1000, 'x') + "\r\n");
  }
  EXPECT_EQ(collector.state(), State::head_too_large);
}

TEST(ReplyCollector, FollowsItsSink) {
  ScriptedSink sink;
  ReplyCollector collector(1, &sink);
  add_head(collector, 200);
  collector.add_body("more than one byte");
  EXPECT_EQ(collector.state(), State::collecting);
  sink.answers = {BodySink::Take::wait, BodySink::Take::wait, BodySink::Take::more};
  collector.add_body("!");
  EXPECT_EQ(collector.state(), State::sink_waits);
  collector.serve_sink();
  EXPECT_EQ(collector.state(), State::sink_waits);
  collector.serve_sink();
  EXPECT_EQ(collector.state(), State::collecting);
  sink.answers = {BodySink::Take::stop};
  collector.add_body("?");
  EXPECT_EQ(collector.state(), State::stopped_by_sink);
  EXPECT_EQ(sink.taken, "more than one byte!?");
  EXPECT_EQ(collector.reply().body, "");
}

TEST(ReplyCollector, LeavesTheSinkOutOfWhatIsNotForIt) {
  ScriptedSink sink;
  ReplyCollector collector(100, &sink);
  add_head(collector, 302);
  collector.add_body("moved");
  collector.restart();
  EXPECT_TRUE(collector.untouched());
  add_head(collector, 403);
  collector.add_body("no");
  EXPECT_EQ(collector.reply().body, "no");
  collector.restart();
  sink.willing = false;
  add_head(collector, 200);
  collector.add_body("page");
  EXPECT_EQ(collector.reply().body, "page");
  EXPECT_EQ(sink.taken, "");
}
