#include "remote/rate_limits.h"

#include <gtest/gtest.h>

namespace freshet::remote {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

const WallTime kNow = from_unix_millis(1'800'000'000'000);

WallTime in_seconds(std::int64_t seconds) {
  return kNow + std::chrono::seconds(seconds);
}

TEST(RateLimitHeaders, AreReadInTheFormsThatForgesUse) {
  const RateLimit expected{17, 60, in_seconds(90)};
  for (const Headers& headers : {
           Headers{{"x-ratelimit-limit", "60"},
                   {"x-ratelimit-remaining", "17"},
                   {"x-ratelimit-reset", "1800000090"}},
           Headers{
               {"ratelimit-limit", "60"}, {"ratelimit-remaining", "17"}, {"ratelimit-reset", "90"}},
           Headers{{"ratelimit-limit", "60, 60;w=60"},
                   {"ratelimit-remaining", "17"},
                   {"ratelimit-reset", "1800000090000"}},
           Headers{{"ratelimit", "limit=60, remaining=17, reset=90"}},
       }) {
    EXPECT_EQ(read_rate_limit(headers, kNow), expected) << headers.front().second;
  }
  EXPECT_EQ(read_rate_limit({{"ratelimit", "\"default\";r=17;t=90"}}, kNow),
            (RateLimit{17, std::nullopt, in_seconds(90)}));
}

TEST(RateLimitHeaders, WithoutAResetHoldForAnHour) {
  EXPECT_EQ(read_rate_limit({{"ratelimit-remaining", "5"}}, kNow),
            (RateLimit{5, std::nullopt, in_seconds(3600)}));
}

TEST(RateLimitHeaders, ThatAreNoNumbersSayNothing) {
  for (const Headers& headers : {
           Headers{},
           Headers{{"content-type", "text/plain"}},
           Headers{{"x-ratelimit-remaining", ""}},
           Headers{{"x-ratelimit-remaining", "many"}},
           Headers{{"x-ratelimit-remaining", "-1"}},
           Headers{{"x-ratelimit-remaining", "99999999999999999999"}},
           Headers{{"ratelimit", "limit=60"}},
           Headers{{"ratelimit", ";;,,=,r"}},
       }) {
    EXPECT_EQ(read_rate_limit(headers, kNow), std::nullopt);
  }
}

TEST(RateLimitHeaders, OfAbsurdTimesAreBounded) {
  const auto limit = read_rate_limit(
      {{"ratelimit-remaining", "5"}, {"ratelimit-reset", "9223372036854775807"}}, kNow);
  ASSERT_TRUE(limit);
  EXPECT_LE(limit->resets, kNow + std::chrono::hours(24 * 366));
}

TEST(RateLimits, ShowOfSeveralIdentitiesTheOneThatIsNearestToItsEnd) {
  RateLimits limits;
  limits.note("forge.example", "one", {100, 5000, in_seconds(60)}, kNow);
  limits.note("forge.example", "two", {40, 60, in_seconds(30)}, kNow);
  limits.note("other.example", "one", {7, std::nullopt, in_seconds(60)}, kNow);
  const auto shown = limits.by_host(kNow);
  EXPECT_EQ(shown.at("forge.example").remaining, 40);
  EXPECT_EQ(shown.at("forge.example").quota, 60);
  EXPECT_EQ(shown.at("other.example").remaining, 7);
}

TEST(RateLimits, TakeTheLastAnswerOfAnIdentity) {
  RateLimits limits;
  limits.note("forge.example", "one", {3, 60, in_seconds(60)}, kNow);
  limits.note("forge.example", "one", {60, 60, in_seconds(3600)}, kNow);
  EXPECT_EQ(limits.by_host(kNow).at("forge.example").remaining, 60);
}

TEST(RateLimits, ForgetAQuotaThatIsFullAgain) {
  RateLimits limits;
  limits.note("forge.example", "one", {3, 60, in_seconds(60)}, kNow);
  EXPECT_EQ(limits.by_host(in_seconds(59)).size(), 1U);
  EXPECT_TRUE(limits.by_host(in_seconds(60)).empty());
}

TEST(RateLimits, KeepTheOnesNearTheirEndWhenThereAreTooMany) {
  RateLimits limits;
  for (int i = 1; i <= 1000; ++i) {
    limits.note("forge.example", std::to_string(i), {i, 1000, in_seconds(60)}, kNow);
  }
  EXPECT_EQ(limits.by_host(kNow).at("forge.example").remaining, 1);
}

}  // namespace
}  // namespace freshet::remote
