#include "base/clock.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;

TEST(WallTimes, AreWrittenForPeopleWithMilliseconds) {
  EXPECT_EQ(to_rfc3339(from_unix_millis(1'700'000'000'123)), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(to_rfc3339(from_unix_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(WallTimes, FromDamagedFilesCanBeReckonedWith) {
  const WallTime last = from_unix_millis(INT64_MAX);
  const WallTime first = from_unix_millis(INT64_MIN);
  const WallTime today = from_unix_millis(1'800'000'000'000);
  EXPECT_GT(last - today, 24h * 365);
  EXPECT_GT(today - first, 24h * 365);
  EXPECT_GT(last - first, 24h * 365 * 200);
  EXPECT_EQ(to_rfc3339(last).substr(0, 3), "211");
}

}  // namespace
}  // namespace freshet
