#include "http/rate_limiter.h"

#include <gtest/gtest.h>

namespace freshet::http {
namespace {

using namespace std::chrono_literals;

const Rate kTenASecond{10, 1s};

class RateLimiting : public testing::Test {
 protected:
  bool enter(const std::string& client = "a", const Rate& rate = kTenASecond) {
    return !limiter_.enter(client, rate, time_);
  }
  /// A request that is over before the next one comes.
  bool visit(const std::string& client = "a") {
    const bool in = enter(client);
    if (in) {
      limiter_.leave(client);
    }
    return in;
  }
  int visits(int tries, const std::string& client = "a") {
    int in = 0;
    for (int i = 0; i < tries; ++i) {
      in += visit(client) ? 1 : 0;
    }
    return in;
  }

  RateLimiter limiter_{4};
  Instant time_{1h};
};

TEST_F(RateLimiting, lets_as_many_in_as_the_rate_says_and_then_says_how_long_to_wait) {
  EXPECT_EQ(visits(50), 10);
  const auto wait = limiter_.enter("a", kTenASecond, time_);
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, 100ms);
  time_ += 99ms;
  EXPECT_FALSE(visit());
  time_ += 1ms;
  EXPECT_TRUE(visit());
  EXPECT_FALSE(visit());
  time_ += 350ms;
  EXPECT_EQ(visits(50), 3);
  time_ += 1h;
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, those_that_are_refused_cost_nothing) {
  visits(1000);
  time_ += 1s;
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, each_client_has_tokens_of_its_own) {
  EXPECT_EQ(visits(50, "a"), 10);
  EXPECT_EQ(visits(50, "b"), 10);
}

TEST_F(RateLimiting, nobody_in_particular_and_no_rate_are_never_held_back) {
  EXPECT_EQ(visits(50, ""), 50);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(enter("a", Rate{0, 1min}));
  }
  EXPECT_EQ(limiter_.clients(), 0U);
}

TEST_F(RateLimiting, an_authentic_request_gets_its_token_back) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(enter());
    limiter_.give_back("a");
    limiter_.leave("a");
  }
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, tokens_that_come_back_do_not_make_the_bucket_larger) {
  for (int i = 0; i < 1000; ++i) {
    limiter_.give_back("a");
  }
  EXPECT_EQ(visits(50), 10);
  for (int i = 0; i < 1000; ++i) {
    limiter_.give_back("a");
  }
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, those_inside_are_not_counted_against_each_other_as_any_may_be_authentic) {
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(enter());
  }
  for (int i = 0; i < 64; ++i) {
    limiter_.give_back("a");
    limiter_.leave("a");
  }
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, what_was_not_authentic_after_all_is_owed_up_to_a_bucketful) {
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(enter());
  }
  for (int i = 0; i < 64; ++i) {
    limiter_.leave("a");
  }
  EXPECT_FALSE(visit());
  time_ += 1s;
  EXPECT_FALSE(visit());
  time_ += 100ms;
  EXPECT_TRUE(visit());
}

TEST_F(RateLimiting, who_holds_more_requests_than_the_bucket_has_tokens_is_still_limited) {
  for (const int stalled : {20, 64, 250}) {
    for (const Rate& rate : {Rate{10, 1min}, Rate{1, 1min}}) {
      const std::string client = std::to_string(stalled) + "/" + std::to_string(rate.count);
      for (int i = 0; i < stalled; ++i) {
        ASSERT_TRUE(enter(client, rate));
      }
      const auto visits = [&] {
        int in = 0;
        for (int i = 0; i < 500; ++i) {
          if (enter(client, rate)) {
            limiter_.leave(client);
            ++in;
          }
        }
        return in;
      };
      EXPECT_EQ(visits(), static_cast<int>(rate.count)) << client;
      time_ += 300s / rate.count;  // five tokens
      EXPECT_EQ(visits(), 5) << client;
      for (int i = 0; i < stalled; ++i) {
        limiter_.leave(client);
      }
      EXPECT_EQ(visits(), 0) << client;
      time_ += 2min;
      EXPECT_GT(visits(), 0) << client;  // owed is a bucketful at most
    }
  }
}

TEST_F(RateLimiting, as_many_as_are_spared_can_all_be_authentic_at_the_default_rate) {
  const Rate thousand_a_minute{1000, 1min};
  for (int round = 0; round < 100; ++round) {
    for (std::size_t i = 0; i < RateLimiter::kInside; ++i) {
      ASSERT_TRUE(enter("a", thousand_a_minute));
    }
    for (std::size_t i = 0; i < RateLimiter::kInside; ++i) {
      limiter_.give_back("a");
      limiter_.leave("a");
    }
  }
}

TEST_F(RateLimiting, only_so_many_inside_are_spared) {
  std::size_t in = 0;
  while (in < 10'000 && enter()) {
    ++in;
  }
  EXPECT_EQ(in, RateLimiter::kInside + 10);
}

TEST_F(RateLimiting, knows_a_bounded_number_of_clients_and_forgets_who_was_away_longest) {
  visits(50, "greedy");
  for (int i = 0; i < 100; ++i) {
    visit("stranger" + std::to_string(i));
    EXPECT_FALSE(visit("greedy"));  // not away
    EXPECT_LE(limiter_.clients(), 4U);
  }
}

TEST_F(RateLimiting, a_client_that_was_forgotten_while_inside_does_no_harm) {
  ASSERT_TRUE(enter("a"));
  for (const std::string other : {"b", "c", "d", "e"}) {
    visit(other);
  }
  limiter_.give_back("a");
  limiter_.leave("a");
  EXPECT_EQ(visits(50), 10);
}

TEST_F(RateLimiting, a_changed_rate_counts_at_once) {
  EXPECT_EQ(visits(50), 10);
  EXPECT_TRUE(enter("a", Rate{1000, 1min}));
}

TEST_F(RateLimiting, a_raised_rate_frees_who_was_locked_out_for_long) {
  const Rate five_an_hour{5, 1h};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(enter("a", five_an_hour));
    limiter_.leave("a");
  }
  ASSERT_FALSE(enter("a", five_an_hour));
  const Rate raised{1000, 1min};
  for (int i = 0; i < 995; ++i) {
    ASSERT_TRUE(enter("a", raised));
    limiter_.leave("a");
  }
  EXPECT_FALSE(enter("a", raised));
}

TEST_F(RateLimiting, a_lowered_rate_locks_nobody_out_for_longer_than_a_token_takes) {
  const Rate thousand_a_minute{1000, 1min};
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(enter("a", thousand_a_minute));
    limiter_.leave("a");
  }
  const Rate six_an_hour{6, 1h};
  EXPECT_EQ(limiter_.enter("a", six_an_hour, time_), 10min);
}

TEST_F(RateLimiting, a_visit_ends_once_wherever_it_was_moved) {
  ASSERT_TRUE(enter());
  Visit first(limiter_, "a");
  Visit second(std::move(first));
  Visit third;
  third = std::move(second);
  first.end();
  second.end();
  EXPECT_EQ(visits(50), 9 + 1);  // one is spared while the visit lasts
  third.end();
  third.end();
  EXPECT_FALSE(visit());
}

}  // namespace
}  // namespace freshet::http
