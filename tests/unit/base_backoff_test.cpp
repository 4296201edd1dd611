#include "base/backoff.h"

#include <gtest/gtest.h>

#include <climits>

namespace freshet {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesWithEachFailureUpToTheLongest) {
  const Backoff backoff{1s, 5min, 0.2};
  const std::pair<int, Duration> table[] = {{1, 1s},   {2, 2s},    {3, 4s},    {8, 128s},
                                            {9, 256s}, {10, 5min}, {11, 5min}, {1000, 5min}};
  for (const auto& [failures, delay] : table) {
    EXPECT_EQ(backoff.delay(failures, 0), delay) << failures;
  }
}

TEST(Backoff, NeverOverflows) {
  EXPECT_EQ(Backoff({1ms, Duration::max(), 0}).delay(63, 0), Duration(1LL << 62U));
  EXPECT_EQ(Backoff({1ms, Duration::max(), 0}).delay(INT_MAX, 0), Duration::max());
  EXPECT_EQ(Backoff({1s, 24h, 0.2}).delay(INT_MAX, 0), Duration(24h));
}

TEST(Backoff, IsShortenedByChanceUpToTheJitter) {
  const Backoff backoff{10s, 5min, 0.2};
  EXPECT_EQ(backoff.delay(1, 0), Duration(10s));
  EXPECT_EQ(backoff.delay(1, 0.5), Duration(9s));
  EXPECT_EQ(backoff.delay(1, 1), Duration(8s));
  EXPECT_EQ(Backoff({10s, 5min, 0}).delay(1, 0.9), Duration(10s));
}

TEST(Backoff, TakesNoFailureForTheFirst) {
  EXPECT_EQ(Backoff({1s, 5min, 0.2}).delay(0, 0), Duration(1s));
  EXPECT_EQ(Backoff({1s, 5min, 0.2}).delay(-1, 0), Duration(1s));
}

TEST(Backoff, NeverWaitsLongerThanTheLongestEvenAtFirst) {
  EXPECT_EQ(Backoff({10min, 5min, 0.2}).delay(1, 0), Duration(5min));
}

}  // namespace
}  // namespace freshet
