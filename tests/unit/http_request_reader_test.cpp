#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace freshet::http {
namespace {

using Need = RequestReader::Need;

class Reading : public testing::Test {
 protected:
  MemoryBudget budget_{1'048'576};
  RequestReader reader_{HeadLimits{}, 500'000, budget_};
};

std::string head(const std::string& fields) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

TEST_F(Reading, a_request_without_a_body_is_whole_with_its_head) {
  EXPECT_EQ(reader_.add("GET / HTTP/1.1\r\nHost: x\r\n"), Need::bytes);
  EXPECT_FALSE(reader_.whole());
  EXPECT_EQ(reader_.add("\r\n"), Need::application);
  EXPECT_TRUE(reader_.whole());
}

TEST_F(Reading, a_small_body_is_taken_along_before_the_application_decides) {
  EXPECT_EQ(reader_.add(head("Content-Length: 4\r\n")), Need::bytes);
  EXPECT_EQ(reader_.add("bo"), Need::bytes);
  EXPECT_EQ(reader_.add("dyGET /next"), Need::application);
  EXPECT_TRUE(reader_.request().body.empty());
  EXPECT_EQ(reader_.take_body(100, true), Need::application);
  EXPECT_EQ(reader_.complete_request().body, "body");
  EXPECT_TRUE(reader_.has_more_input());
}

TEST_F(Reading, a_long_one_or_one_that_waits_for_an_invitation_is_decided_on_by_the_head) {
  EXPECT_EQ(reader_.add(head("Content-Length: 100000\r\n")), Need::application);
  EXPECT_FALSE(reader_.whole());
  RequestReader expecting(HeadLimits{}, 500'000, budget_);
  EXPECT_EQ(expecting.add(head("Content-Length: 4\r\nExpect: 100-continue\r\n")),
            Need::application);
  RequestReader too_long(HeadLimits{}, 10, budget_);
  EXPECT_EQ(too_long.add(head("Content-Length: 11\r\n")), Need::application);
}

TEST_F(Reading, requests_one_behind_the_other_are_given_out_one_by_one) {
  reader_.add(head("Content-Length: 1\r\n") + "1" + head("Content-Length: 1\r\n") + "2");
  for (const std::string body : {"1", "2"}) {
    EXPECT_EQ(reader_.advance(), Need::application);
    reader_.take_body(100, true);
    EXPECT_EQ(reader_.complete_request().body, body);
    reader_.next();
  }
  EXPECT_EQ(reader_.advance(), Need::bytes);
  EXPECT_FALSE(reader_.started());
}

TEST_F(Reading, a_body_is_held_against_the_budget_until_its_request_has_an_answer) {
  reader_.add(head("Content-Length: 100000\r\n"));
  EXPECT_EQ(budget_.used(), 0U);
  reader_.take_body(500'000, true);
  reader_.add(std::string(100'000, 'x'));
  EXPECT_EQ(budget_.used(), 100'000U);
  EXPECT_EQ(reader_.complete_request().body.size(), 100'000U);
  EXPECT_EQ(budget_.used(), 100'000U);
  reader_.release_body();
  EXPECT_EQ(budget_.used(), 0U);
  EXPECT_TRUE(reader_.request().body.empty());
  EXPECT_TRUE(reader_.whole());
}

TEST_F(Reading, a_used_up_budget_refuses_with_503_and_holds_nothing) {
  ASSERT_TRUE(budget_.take(1024 * 1024 - 1000));
  reader_.add(head("Content-Length: 100000\r\n"));
  reader_.take_body(500'000, true);
  EXPECT_EQ(reader_.add(std::string(2000, 'x')), Need::refusal);
  EXPECT_EQ(reader_.refusal().status, 503);
  EXPECT_EQ(budget_.used(), 1024U * 1024 - 1000);
}

TEST_F(Reading, chunks_are_measured_against_a_limit_that_is_set_after_they_were_announced) {
  EXPECT_EQ(reader_.add(head("Transfer-Encoding: chunked\r\n") + "3e8\r\n"), Need::bytes);
  EXPECT_EQ(reader_.take_body(999, true), Need::refusal);
  EXPECT_EQ(reader_.refusal().status, 413);
}

TEST_F(Reading, an_unwanted_body_is_counted_and_not_kept) {
  reader_.add(head("Transfer-Encoding: chunked\r\n") + "4\r\nbody\r\n");
  EXPECT_EQ(reader_.take_body(100, false), Need::bytes);
  EXPECT_EQ(reader_.add("4\r\nmore\r\n0\r\n\r\n"), Need::application);
  EXPECT_TRUE(reader_.body_unwanted());
  EXPECT_EQ(reader_.body().size(), 8U);
  EXPECT_TRUE(reader_.complete_request().body.empty());
}

/// Notes what it sees; does not want the body from `wanted` bytes on.
class NotingTap : public BodyTap {
 public:
  explicit NotingTap(std::size_t wanted) : wanted_(wanted) {}
  void update(std::string_view bytes) override {
    seen.append(bytes);
    ++updates;
  }
  bool keep() const override { return seen.size() < wanted_; }

  std::string seen;
  int updates = 0;

 private:
  const std::size_t wanted_;
};
constexpr std::size_t kAlways = std::size_t{1} << 40U;

TEST_F(Reading, a_tap_sees_each_byte_once_as_it_arrives) {
  const auto tap = std::make_shared<NotingTap>(kAlways);
  reader_.add(head("Content-Length: 100000\r\n") + "first");
  reader_.request().tap = tap;
  EXPECT_EQ(reader_.take_body(500'000, true), Need::bytes);
  EXPECT_EQ(tap->seen, "first");
  EXPECT_EQ(reader_.add("second"), Need::bytes);
  EXPECT_EQ(tap->seen, "firstsecond");
  EXPECT_LE(reader_.appetite(), 64U * 1024);
  EXPECT_EQ(reader_.add(std::string(99'989, 'x') + "GET /next"), Need::application);
  EXPECT_EQ(tap->seen, reader_.complete_request().body);
  EXPECT_EQ(tap->seen.size(), 100'000U);
  EXPECT_EQ(tap->updates, 3);
}

TEST_F(Reading, a_tap_sees_a_small_body_in_one_go) {
  const auto tap = std::make_shared<NotingTap>(kAlways);
  reader_.add(head("Content-Length: 4\r\n") + "bo");
  reader_.add("dy");
  reader_.request().tap = tap;
  EXPECT_EQ(reader_.take_body(100, true), Need::application);
  EXPECT_EQ(tap->seen, "body");
  EXPECT_EQ(tap->updates, 1);
}

TEST_F(Reading, a_tap_sees_chunks_decoded_wherever_they_are_cut) {
  const std::string chunks = "5;ext\r\nhello\r\nA\r\n wide worl\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n";
  for (std::size_t cut = 0; cut < chunks.size(); ++cut) {
    RequestReader reader(HeadLimits{}, 500'000, budget_);
    const auto tap = std::make_shared<NotingTap>(kAlways);
    reader.add(head("Transfer-Encoding: chunked\r\n") + chunks.substr(0, cut));
    reader.request().tap = tap;
    reader.take_body(100, true);
    ASSERT_EQ(reader.add(chunks.substr(cut)), Need::application) << cut;
    ASSERT_EQ(tap->seen, "hello wide world") << cut;
    ASSERT_EQ(reader.complete_request().body, tap->seen) << cut;
  }
}

TEST_F(Reading, a_body_that_the_tap_does_not_want_is_seen_to_its_end_and_takes_no_memory) {
  for (const std::string fields :
       {"Content-Length: 200000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    RequestReader reader(HeadLimits{}, 500'000, budget_);
    const bool chunked = fields.starts_with("T");
    reader.add(head(fields) + (chunked ? "30d40\r\n" : "") + std::string(1000, 'x'));
    const auto tap = std::make_shared<NotingTap>(0);
    reader.request().tap = tap;
    EXPECT_EQ(reader.take_body(500'000, true), Need::bytes);
    EXPECT_EQ(budget_.used(), 0U);
    EXPECT_EQ(reader.add(std::string(199'000, 'x') + (chunked ? "\r\n0\r\n\r\n" : "")),
              Need::application);
    EXPECT_EQ(budget_.used(), 0U);
    EXPECT_EQ(tap->seen.size(), 200'000U);
    EXPECT_TRUE(reader.complete_request().body.empty());
    EXPECT_FALSE(reader.body_unwanted());
  }
}

TEST_F(Reading, a_tap_can_lose_interest_on_the_way) {
  const auto tap = std::make_shared<NotingTap>(150'000);
  reader_.add(head("Content-Length: 200000\r\n"));
  reader_.request().tap = tap;
  reader_.take_body(500'000, true);
  reader_.add(std::string(100'000, 'x'));
  EXPECT_GE(budget_.used(), 100'000U);
  reader_.add(std::string(60'000, 'x'));
  EXPECT_EQ(budget_.used(), 0U);
  EXPECT_EQ(reader_.add(std::string(40'000, 'x')), Need::application);
  EXPECT_EQ(tap->seen.size(), 200'000U);
  EXPECT_TRUE(reader_.complete_request().body.empty());
}

TEST_F(Reading, a_body_that_is_not_wanted_has_its_limit_all_the_same) {
  reader_.add(head("Transfer-Encoding: chunked\r\n"));
  reader_.request().tap = std::make_shared<NotingTap>(0);
  reader_.take_body(1000, true);
  EXPECT_EQ(reader_.add("3e8\r\n" + std::string(1000, 'x') + "\r\n"), Need::bytes);
  EXPECT_EQ(reader_.add("1\r\n"), Need::refusal);
  EXPECT_EQ(reader_.refusal().status, 413);
}

TEST_F(Reading, chunks_that_came_before_the_client_was_known_are_charged_to_it) {
  reader_.add(head("Transfer-Encoding: chunked\r\n") + "3d090\r\n" + std::string(100'000, 'x'));
  EXPECT_GT(budget_.used(), 0U);
  reader_.charge_to("client");
  EXPECT_EQ(reader_.take_body(500'000, true), Need::bytes);
  reader_.release_body();
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(Reading, a_changed_limit_holds_for_the_next_request) {
  reader_.add(head("Content-Length: 1\r\n") + "1");
  reader_.take_body(100, true);
  reader_.next();
  reader_.set_max_body(2);
  EXPECT_EQ(reader_.add(head("Transfer-Encoding: chunked\r\n") + "3\r\n"), Need::application);
  EXPECT_EQ(reader_.body().state(), BodyReader::State::too_large);
}

TEST_F(Reading, one_empty_line_before_a_request_does_not_matter) {
  EXPECT_EQ(reader_.add("\r"), Need::bytes);
  EXPECT_EQ(reader_.add("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), Need::application);
}

TEST_F(Reading, the_same_bytes_give_the_same_requests_wherever_they_are_cut) {
  const std::string bytes = head("Transfer-Encoding: chunked\r\n") +
                            "5;ext\r\nhello\r\nA\r\n wide worl\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n" +
                            "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    RequestReader reader(HeadLimits{}, 500'000, budget_);
    reader.add(bytes.substr(0, cut));
    ASSERT_EQ(reader.add(bytes.substr(cut)), Need::application) << cut;
    reader.take_body(100, true);
    ASSERT_EQ(reader.complete_request().body, "hello wide world") << cut;
    reader.next();
    ASSERT_EQ(reader.advance(), Need::application) << cut;
    ASSERT_EQ(reader.head().request.path, "/next") << cut;
  }
}

}  // namespace
}  // namespace freshet::http
