#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mirror/mirror.h"

namespace freshet::mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Refs = std::map<RefName, ObjectId>;

ObjectId id(char digit) {
  return ObjectId::parse(std::string(40, digit)).value();
}
RefName ref(const std::string& name) {
  return RefName("refs/heads/" + name);
}

TEST(RefChangesPlan, IsEmptyWhenNothingDiffers) {
  EXPECT_TRUE(plan_ref_changes({}, {}).empty());
  EXPECT_TRUE(plan_ref_changes({{ref("a"), id('1')}}, {{ref("a"), id('1')}}).empty());
}

TEST(RefChangesPlan, SetsOnlyWhatIsNewOrMoved) {
  const RefChanges changes =
      plan_ref_changes({{ref("same"), id('1')}, {ref("moved"), id('1')}},
                       {{ref("same"), id('1')}, {ref("moved"), id('2')}, {ref("new"), id('3')}});
  EXPECT_EQ(changes.set, (Refs{{ref("moved"), id('2')}, {ref("new"), id('3')}}));
  EXPECT_THAT(changes.clear_first, IsEmpty());
  EXPECT_THAT(changes.delete_last, IsEmpty());
}

TEST(RefChangesPlan, DeletesLastWhatTheUpstreamLacks) {
  const RefChanges changes =
      plan_ref_changes({{ref("old"), id('1')}, {ref("older"), id('1')}}, {{ref("new"), id('1')}});
  EXPECT_THAT(changes.clear_first, IsEmpty());
  EXPECT_EQ(changes.set, (Refs{{ref("new"), id('1')}}));
  EXPECT_THAT(changes.delete_last, ElementsAre(ref("old"), ref("older")));
}

struct Conflict {
  const char* old_name;
  const char* new_name;
  bool in_the_way;
};

class RefsInTheWay : public ::testing::TestWithParam<Conflict> {};

TEST_P(RefsInTheWay, AreClearedFirstAndNoOthers) {
  const RefChanges changes = plan_ref_changes({{ref(GetParam().old_name), id('1')}},
                                              {{ref(GetParam().new_name), id('1')}});
  EXPECT_EQ(changes.clear_first.size(), GetParam().in_the_way ? 1U : 0U);
  EXPECT_EQ(changes.delete_last.size(), GetParam().in_the_way ? 0U : 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Names, RefsInTheWay,
    ::testing::Values(Conflict{"a", "a/b", true}, Conflict{"a/b", "a", true},
                      Conflict{"a", "a/b/c/d", true}, Conflict{"a/b/c/d", "a", true},
                      Conflict{"a/b/c", "a/b", true}, Conflict{"a", "ab", false},
                      Conflict{"ab", "a", false}, Conflict{"a/b", "a/c", false},
                      Conflict{"a-b", "a/b", false}, Conflict{"x/a", "a/x", false}));

TEST(RefChangesPlan, LeavesWhatStaysWhereItIs) {
  const RefChanges changes = plan_ref_changes({{ref("keep/x"), id('1')}, {ref("keep/y"), id('1')}},
                                              {{ref("keep/x"), id('2')}});
  EXPECT_THAT(changes.clear_first, IsEmpty());
  EXPECT_THAT(changes.delete_last, ElementsAre(ref("keep/y")));
}

}  // namespace
}  // namespace freshet::mirror
