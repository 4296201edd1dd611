#include "base/quantity.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreReadWithUnitsFromLargestToSmallest) {
  EXPECT_EQ(parse_duration("30s"), Duration(30s));
  EXPECT_EQ(parse_duration("1h30m"), Duration(90min));
  EXPECT_EQ(parse_duration("250ms"), Duration(250ms));
  EXPECT_EQ(parse_duration("2d"), Duration(48h));
  EXPECT_EQ(parse_duration("1m500ms"), Duration(60s + 500ms));
  EXPECT_EQ(parse_duration("0"), Duration(0));
}

TEST(Durations, OfAnotherFormAreRefused) {
  for (const char* text : {"", "5", "s", "5 s", "5x", "30m1h", "1s1s", "-5s", "1.5h",
                           "99999999999h", "999999999999999999999s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Durations, AreWrittenSoThatTheyCanBeReadBack) {
  for (const char* text : {"30s", "1h30m", "250ms", "2d1h", "0s"}) {
    EXPECT_EQ(format_duration(parse_duration(text).value_or(Duration(-1))), text);
  }
}

TEST(Sizes, AreReadInBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_size("26MiB"), 26U << 20U);
  EXPECT_EQ(parse_size("1GiB"), 1ULL << 30U);
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("25MB"), 25'000'000U);
  for (const char* text :
       {"", "MiB", "1 MiB", "1mib", "-1", "99999999999999999999", "9999999999TiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_size(26U << 20U), "26MiB");
}

TEST(Rates, AreCountsPerUnitOfTime) {
  EXPECT_EQ(parse_rate("1000/min"), (Rate{1000, 1min}));
  EXPECT_EQ(parse_rate("20/s"), (Rate{20, 1s}));
  EXPECT_EQ(parse_rate("off"), Rate{});
  for (const char* text : {"", "1000", "/min", "0/s", "1/day", "-1/s"}) {
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace freshet
