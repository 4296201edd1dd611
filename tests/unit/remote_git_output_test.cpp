#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "remote/git_output.h"

namespace freshet::remote {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const std::string kA(40, 'a');
const std::string kB(40, 'b');

ObjectId id(const std::string& hex) {
  return ObjectId::parse(hex).value();
}

TEST(RefPattern, MatchesANameExactlyOrEverythingBelowIt) {
  EXPECT_TRUE(RefPattern{"refs/heads/main"}.matches(RefName("refs/heads/main")));
  EXPECT_FALSE(RefPattern{"refs/heads/main"}.matches(RefName("refs/heads/main2")));
  EXPECT_FALSE(RefPattern{"refs/heads/main"}.matches(RefName("refs/heads/x/refs/heads/main")));
  EXPECT_TRUE(RefPattern{"refs/heads/*"}.matches(RefName("refs/heads/a/b")));
  EXPECT_FALSE(RefPattern{"refs/heads/*"}.matches(RefName("refs/tags/a")));
  EXPECT_TRUE(RefPattern{"HEAD"}.matches(RefName("HEAD")));
}

TEST(RefListing, TellsHeadAndTheRefsThatWereAskedFor) {
  const auto answer = parse_ref_listing("ref: refs/heads/main\tHEAD\n" + kA + "\tHEAD\n" + kA +
                                            "\trefs/heads/main\n" + kB + "\trefs/heads/other\n",
                                        {{"HEAD"}, {"refs/heads/main"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->default_branch, RefName("refs/heads/main"));
  EXPECT_EQ(answer->head, id(kA));
  EXPECT_THAT(answer->refs, ElementsAre(Pair(RefName("refs/heads/main"), id(kA))));
}

TEST(RefListing, OfARepositoryWithoutCommitsIsEmpty) {
  const auto answer = parse_ref_listing("", {{"HEAD"}, {"refs/heads/*"}});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->refs, IsEmpty());
  EXPECT_EQ(answer->head, std::nullopt);
  EXPECT_EQ(answer->default_branch, std::nullopt);
}

TEST(RefListing, HasNoDefaultBranchForADetachedHead) {
  const auto answer = parse_ref_listing(kA + "\tHEAD\n", {{"HEAD"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head, id(kA));
  EXPECT_EQ(answer->default_branch, std::nullopt);
}

TEST(RefListing, LeavesOutWhatGitMatchesByTheTail) {
  const auto answer = parse_ref_listing(
      kA + "\trefs/remotes/origin/HEAD\n" + kB + "\trefs/original/refs/heads/main\n",
      {{"HEAD"}, {"refs/heads/main"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head, std::nullopt);
  EXPECT_THAT(answer->refs, IsEmpty());
}

TEST(RefListing, LeavesOutPeeledTagsAndNamesThatGitForbids) {
  const auto answer =
      parse_ref_listing(kA + "\trefs/tags/v1\n" + kB + "\trefs/tags/v1^{}\n" + kB +
                            "\trefs/tags/../../config\n" + kB + "\trefs/tags/x.lock\n",
                        {{"refs/tags/*"}});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->refs, ElementsAre(Pair(RefName("refs/tags/v1"), id(kA))));
}

TEST(RefListing, OfAnotherFormIsAProtocolError) {
  const std::vector<std::string> odd{"hello\n", "xyz\trefs/heads/main\n", kA + " HEAD\n",
                                     kA + "\t\n"};
  for (const std::string& text : odd) {
    const auto answer = parse_ref_listing(text, {{"HEAD"}});
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().error_class, ErrorClass::protocol);
  }
}

TEST(ProgressLines, AreReadInBothPhases) {
  const auto receiving =
      parse_progress("Receiving objects:  42% (420/1000), 1.20 MiB | 3.00 MiB/s");
  ASSERT_TRUE(receiving);
  EXPECT_EQ(receiving->phase, "receiving");
  EXPECT_EQ(receiving->objects, 420U);
  EXPECT_EQ(receiving->total_objects, 1000U);
  const auto resolving = parse_progress("Resolving deltas: 100% (7/7), done.");
  ASSERT_TRUE(resolving);
  EXPECT_EQ(resolving->phase, "resolving");
  EXPECT_EQ(resolving->objects, 7U);
}

TEST(ProgressLines, OfOthersAreNone) {
  for (const char* line :
       {"", "remote: Counting objects: 1% (1/100)", "Receiving objects:", "Receiving objects: (",
        "Receiving objects: (1", "Receiving objects: (/)", "Receiving objects:  1% (x/y)",
        "From /srv/git"}) {
    EXPECT_FALSE(parse_progress(line)) << line;
  }
}

TEST(LocalRefs, AreReadLineByLine) {
  EXPECT_THAT(
      parse_local_refs(kA + " refs/freshet/incoming/heads/main\nodd\n\n" + kB + " refs/x\n"),
      ElementsAre(Pair("refs/freshet/incoming/heads/main", id(kA)), Pair("refs/x", id(kB))));
}

}  // namespace
}  // namespace freshet::remote
