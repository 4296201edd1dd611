#include "mirror/lost_refs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;

const WallTime kNow = from_unix_millis(1'700'000'000'123);

ObjectId id(char digit) {
  return *ObjectId::parse(std::string(40, digit));
}
RefName branch(const std::string& name) {
  return RefName("refs/heads/" + name);
}
RefName lost(const std::string& name) {
  return RefName("refs/freshet/lost/1700000000/heads/" + name);
}

std::map<RefName, ObjectId> lost_of(const std::map<RefName, ObjectId>& current,
                                    const std::map<RefName, ObjectId>& wanted,
                                    bool contained = false) {
  const auto is_ancestor = [&](const ObjectId&, const ObjectId&) {
    return Result<bool>(contained);
  };
  return lost_tips(current, plan_ref_changes(current, wanted), is_ancestor, kNow).value();
}

TEST(LostTips, AreThoseOfDeletedAndRewrittenRefs) {
  EXPECT_THAT(lost_of({{branch("a"), id('1')}}, {}),
              ElementsAre(Pair(lost("a/1111111111111111"), id('1'))));
  EXPECT_THAT(lost_of({{branch("a"), id('1')}}, {{branch("a"), id('2')}}),
              ElementsAre(Pair(lost("a/1111111111111111"), id('1'))));
  EXPECT_THAT(lost_of({{branch("a"), id('1')}}, {{branch("a"), id('2')}}, true), IsEmpty());
}

TEST(LostTips, StandInNobodysWayWhateverHappensWithinASecond) {
  EXPECT_THAT(lost_of({{branch("topic"), id('1')}}, {{branch("topic/one"), id('2')}}),
              ElementsAre(Key(lost("topic/1111111111111111"))));
  EXPECT_THAT(lost_of({{branch("topic/one"), id('2')}}, {}),
              ElementsAre(Key(lost("topic/one/2222222222222222"))));
  EXPECT_THAT(lost_of({{branch("topic"), id('3')}}, {}),
              ElementsAre(Key(lost("topic/3333333333333333"))));
}

TEST(LostRefs, AreFoundByTheRefThatWasThere) {
  const std::vector<RefName> refs{lost("a/1"), lost("a/b/2"), lost("a/3"),
                                  RefName("refs/freshet/lost/nonsense"),
                                  RefName("refs/freshet/lost/1/short")};
  EXPECT_THAT(mirror::lost_of(refs, branch("a")), ElementsAre(lost("a/1"), lost("a/3")));
  EXPECT_THAT(mirror::lost_of(refs, branch("a/b")), ElementsAre(lost("a/b/2")));
  EXPECT_THAT(mirror::lost_of(refs, branch("b")), IsEmpty());
}

TEST(LostTips, GoAfterThirtyDays) {
  const std::vector<RefName> refs{lost("a/1"), RefName("refs/freshet/lost/nonsense")};
  EXPECT_THAT(expired_lost(refs, kNow + std::chrono::hours(29 * 24)), IsEmpty());
  EXPECT_THAT(expired_lost(refs, kNow + std::chrono::hours(31 * 24)), ElementsAre(lost("a/1")));
}

TEST(LostTips, AreTooManyFromTenThatAreMoreThanHalf) {
  std::map<RefName, ObjectId> current;
  for (char c = 'a'; c < 'a' + 18; ++c) {
    current.emplace(branch(std::string(1, c)), id('1'));
  }
  const auto without = [&](int gone) {
    return std::map<RefName, ObjectId>(std::next(current.begin(), gone), current.end());
  };
  EXPECT_FALSE(loses_too_much(current, without(9)));
  EXPECT_TRUE(loses_too_much(current, without(10)));
  const std::map<RefName, ObjectId> few(current.begin(), std::next(current.begin(), 9));
  EXPECT_FALSE(loses_too_much(few, {}));
}

}  // namespace
}  // namespace freshet::mirror
