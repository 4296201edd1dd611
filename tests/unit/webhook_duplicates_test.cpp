#include "webhook/duplicates.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet::webhook {
namespace {

using namespace std::chrono_literals;

const RepositoryName kDocs("docs");
const RepositoryName kSite("site");
const Instant kStart{};

Sha256 key(const std::string& id) {
  return delivery_key("github", "", id, sha256("{}"));
}

TEST(DeliveryKeys, DifferInForgeRouteIdAndBody) {
  const Sha256 one = delivery_key("github", "docs", "1", sha256("{}"));
  EXPECT_EQ(one, delivery_key("github", "docs", "1", sha256("{}")));
  EXPECT_NE(one, delivery_key("gitea", "docs", "1", sha256("{}")));
  EXPECT_NE(one, delivery_key("github", "", "1", sha256("{}")));
  EXPECT_NE(one, delivery_key("github", "docs", "2", sha256("{}")));
  EXPECT_NE(one, delivery_key("github", "docs", "1", sha256("{} ")));
  EXPECT_NE(delivery_key("github", "a", "b", sha256("{}")),
            delivery_key("github", "ab", "", sha256("{}")));
}

TEST(Duplicates, AreRememberedForTenMinutes) {
  Duplicates duplicates;
  EXPECT_FALSE(duplicates.contains(key("1"), kStart));
  duplicates.remember(key("1"), {kDocs}, duplicates.mark(), kStart);
  EXPECT_TRUE(duplicates.contains(key("1"), kStart));
  EXPECT_FALSE(duplicates.contains(key("2"), kStart));
  EXPECT_TRUE(duplicates.contains(key("1"), kStart + 10min - 1ms));
  EXPECT_FALSE(duplicates.contains(key("1"), kStart + 10min));
}

TEST(Duplicates, AreNewAgainOnceARefreshOfAnyOfTheirRepositoriesFailed) {
  Duplicates duplicates;
  duplicates.remember(key("both"), {kDocs, kSite}, duplicates.mark(), kStart);
  duplicates.remember(key("docs"), {kDocs}, duplicates.mark(), kStart);
  duplicates.forget(kSite);
  EXPECT_FALSE(duplicates.contains(key("both"), kStart + 1s));
  EXPECT_TRUE(duplicates.contains(key("docs"), kStart + 1s));

  duplicates.remember(key("both"), {kDocs, kSite}, duplicates.mark(), kStart + 2s);
  EXPECT_TRUE(duplicates.contains(key("both"), kStart + 3s));
}

TEST(Duplicates, CountAFailureThatComesBeforeTheyAreRemembered) {
  Duplicates duplicates;
  const std::uint64_t mark = duplicates.mark();
  duplicates.forget(kDocs);  // the refresh was quicker than the answer
  duplicates.remember(key("1"), {kDocs}, mark, kStart);
  EXPECT_FALSE(duplicates.contains(key("1"), kStart));

  duplicates.remember(key("2"), {kDocs}, duplicates.mark(), kStart);
  EXPECT_TRUE(duplicates.contains(key("2"), kStart));
}

TEST(Duplicates, RememberedAgainLastFromTheSecondTime) {
  Duplicates duplicates;
  duplicates.remember(key("1"), {kDocs}, duplicates.mark(), kStart);
  duplicates.forget(kDocs);
  duplicates.remember(key("1"), {kDocs}, duplicates.mark(), kStart + 9min);
  duplicates.remember(key("2"), {kDocs}, duplicates.mark(), kStart + 11min);
  EXPECT_TRUE(duplicates.contains(key("1"), kStart + 18min));
  EXPECT_FALSE(duplicates.contains(key("1"), kStart + 19min));
}

TEST(Duplicates, AreBoundedAndTheOldestGoFirst) {
  Duplicates duplicates(3);
  for (const char* id : {"1", "2", "3", "4", "5"}) {
    duplicates.remember(key(id), {kDocs}, duplicates.mark(), kStart);
    EXPECT_LE(duplicates.size(), 3U);
  }
  EXPECT_FALSE(duplicates.contains(key("1"), kStart));
  EXPECT_FALSE(duplicates.contains(key("2"), kStart));
  EXPECT_TRUE(duplicates.contains(key("3"), kStart));
  EXPECT_TRUE(duplicates.contains(key("5"), kStart));
}

TEST(Duplicates, FreeWhatIsTooOldToCount) {
  Duplicates duplicates;
  for (int i = 0; i < 100; ++i) {
    duplicates.remember(key(std::to_string(i)), {kDocs}, duplicates.mark(), kStart);
  }
  duplicates.remember(key("later"), {kDocs}, duplicates.mark(), kStart + 1h);
  EXPECT_EQ(duplicates.size(), 1U);
}

TEST(Duplicates, ForgetTheNamesOfManyRepositoriesAndMissNoFailureByThat) {
  Duplicates duplicates(100, 3);
  duplicates.remember(key("early"), {kDocs}, duplicates.mark(), kStart);
  const std::uint64_t mark = duplicates.mark();
  duplicates.forget(kDocs);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    duplicates.forget(RepositoryName(name));
    EXPECT_LE(duplicates.repositories_known(), 3U);
  }
  EXPECT_FALSE(duplicates.contains(key("early"), kStart));
  duplicates.remember(key("under way"), {kDocs}, mark, kStart);
  EXPECT_FALSE(duplicates.contains(key("under way"), kStart));
  duplicates.remember(key("later"), {kDocs}, duplicates.mark(), kStart);
  EXPECT_TRUE(duplicates.contains(key("later"), kStart));
}

}  // namespace
}  // namespace freshet::webhook
