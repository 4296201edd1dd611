#include "mirror/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mirror/git2.h"
#include "support/git_fixture.h"

namespace freshet::mirror {
namespace {

using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::ElementsAre;

class AHistory : public ::testing::Test {
 protected:
  AHistory() : work_(directory_ / "work"), bare_(directory_ / "work/.git") { git2::initialize(); }

  TemporaryDirectory directory_;
  GitRepository work_;
  const std::string bare_;
};

TEST_F(AHistory, TellsThePathsInWhichCommitsDiffer) {
  const ObjectId first =
      work_.commit({{"gone", "1"}, {"kind", "1"}, {"same/a", "1"}, {"x/y", "1"}});
  ASSERT_EQ(::unlink((work_.path() + "/gone").c_str()), 0);
  ASSERT_EQ(::unlink((work_.path() + "/kind").c_str()), 0);
  ASSERT_EQ(::symlink("x/y", (work_.path() + "/kind").c_str()), 0);
  const ObjectId second = work_.commit({{"new/one", "1"}, {"x/y", "2"}});

  EXPECT_THAT(must(changed_paths(bare_, first, second, 100)).paths,
              ElementsAre("gone", "kind", "new/one", "x/y"));
  EXPECT_THAT(must(changed_paths(bare_, std::nullopt, first, 100)).paths,
              ElementsAre("gone", "kind", "same/a", "x/y"));
  EXPECT_TRUE(must(changed_paths(bare_, first, first, 100)).paths.empty());
}

TEST_F(AHistory, TellsNoMorePathsThanAskedForAndSaysSo) {
  const ObjectId first = work_.commit({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  const ChangedPaths some = must(changed_paths(bare_, std::nullopt, first, 2));
  EXPECT_THAT(some.paths, ElementsAre("a", "b"));
  EXPECT_TRUE(some.truncated);
  const ChangedPaths all = must(changed_paths(bare_, std::nullopt, first, 3));
  EXPECT_EQ(all.paths.size(), 3U);
  EXPECT_FALSE(all.truncated);
}

TEST_F(AHistory, CannotCompareWithACommitThatIsNotThere) {
  const ObjectId first = work_.commit({{"a", "1"}});
  const auto none = *ObjectId::parse(std::string(40, 'a'));
  const auto changed = changed_paths(bare_, none, first, 10);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().error_class, ErrorClass::corrupt);
}

TEST_F(AHistory, KnowsWhichCommitContainsWhich) {
  const ObjectId first = work_.commit({{"a", "1"}});
  const ObjectId second = work_.commit({{"a", "2"}});
  const auto none = *ObjectId::parse(std::string(40, 'a'));
  EXPECT_TRUE(must(contains(bare_, first, first)));
  EXPECT_TRUE(must(contains(bare_, second, first)));
  EXPECT_FALSE(must(contains(bare_, first, second)));
  EXPECT_FALSE(must(contains(bare_, second, none)));
}

TEST_F(AHistory, KnowsWhetherABranchOrTagContainsACommit) {
  const ObjectId first = work_.commit({{"a", "1"}});
  work_.git({"checkout", "-q", "-b", "side"});
  const ObjectId tagged = work_.commit({{"a", "side"}});
  work_.git({"tag", "-a", "-m", "A tag", "v1"});
  work_.git({"checkout", "-q", "main"});
  work_.git({"branch", "-D", "side"});
  const ObjectId lost = work_.commit({{"a", "lost"}});
  work_.git({"update-ref", "refs/freshet/lost/1/heads/main", lost.hex()});
  work_.git({"reset", "-q", "--hard", first.hex()});
  EXPECT_TRUE(must(any_ref_contains(bare_, first)));
  EXPECT_TRUE(must(any_ref_contains(bare_, tagged)));
  EXPECT_FALSE(must(any_ref_contains(bare_, lost)));
  EXPECT_FALSE(must(any_ref_contains(bare_, *ObjectId::parse(std::string(40, 'a')))));
}

TEST_F(AHistory, KnowsItsRefs) {
  work_.commit({{"a", "1"}});
  work_.git({"tag", "v1"});
  EXPECT_EQ(must(head_of(bare_)), RefName("refs/heads/main"));
  EXPECT_EQ(must(first_of(bare_, {RefName("refs/heads/v1"), RefName("refs/tags/v1")})),
            RefName("refs/tags/v1"));
  EXPECT_EQ(must(first_of(bare_, {RefName("refs/heads/none")})), std::nullopt);
}

}  // namespace
}  // namespace freshet::mirror
