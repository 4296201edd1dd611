#include "sync/ref_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::sync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ObjectId id(char digit) {
  return *ObjectId::parse(std::string(40, digit));
}

RepositorySpec spec_with(std::vector<std::string> checkout_refs,
                         std::vector<std::string> follows = {}) {
  RepositorySpec spec;
  for (std::size_t i = 0; i < checkout_refs.size(); ++i) {
    checkout::CheckoutSpec checkout;
    checkout.path = "/srv/" + std::to_string(i);
    checkout.ref = checkout_refs[i];
    spec.checkouts.push_back(checkout);
  }
  for (const std::string& pattern : follows) {
    spec.follows.push_back({pattern});
  }
  return spec;
}

remote::Advertisement answer_of(std::map<std::string, char> refs, const std::string& head = "") {
  remote::Advertisement answer;
  for (const auto& [ref, digit] : refs) {
    answer.refs[RefName(ref)] = id(digit);
    if (ref == head) {
      answer.default_branch = RefName(ref);
      answer.head = id(digit);
    }
  }
  return answer;
}

std::vector<std::string> asked(const RepositorySpec& spec) {
  std::vector<std::string> texts;
  for (const auto& pattern : patterns_to_ask(spec)) {
    texts.push_back(pattern.text);
  }
  return texts;
}

TEST(RefSelection, AsksForWhatTheCheckoutsAndTheConfigurationNeed) {
  EXPECT_THAT(asked(spec_with({"HEAD"})), ElementsAre("HEAD"));
  EXPECT_THAT(asked(spec_with({"main"})), ElementsAre("HEAD", "refs/heads/main", "refs/tags/main"));
  EXPECT_THAT(asked(spec_with({"refs/pull/1/head", "HEAD"}, {"refs/tags/*"})),
              ElementsAre("HEAD", "refs/tags/*", "refs/pull/1/head"));
  EXPECT_THAT(asked(spec_with({std::string(40, 'c')})), ElementsAre("HEAD"));
}

TEST(RefSelection, AShortNameIsABranchBeforeItIsATag) {
  const auto both = answer_of({{"refs/heads/v1", 'a'}, {"refs/tags/v1", 'b'}});
  EXPECT_EQ(resolve("v1", both)->id, id('a'));
  EXPECT_EQ(resolve("v1", answer_of({{"refs/tags/v1", 'b'}}))->ref.text(), "refs/tags/v1");
}

TEST(RefSelection, NamesWhatTheUpstreamLacks) {
  const auto empty = answer_of({});
  EXPECT_EQ(resolve("HEAD", empty).error().error_class, ErrorClass::not_found);
  EXPECT_THAT(resolve("main", empty).error().message, testing::HasSubstr("main"));
  EXPECT_THAT(resolve("refs/x/y", empty).error().message, testing::HasSubstr("refs/x/y"));
}

TEST(RefSelection, TheMirrorHoldsTheDefaultBranchUnderItsName) {
  remote::Advertisement answer;
  answer.default_branch = RefName("refs/heads/trunk");
  answer.head = id('a');
  const Selection selection = select_refs(spec_with({"HEAD"}), answer);
  EXPECT_EQ(selection.refs.at(RefName("refs/heads/trunk")), id('a'));
  EXPECT_EQ(selection.head, RefName("refs/heads/trunk"));
}

TEST(RefSelection, AnUpstreamWithADetachedHeadIsPinned) {
  remote::Advertisement answer;
  answer.head = id('d');
  const Selection selection = select_refs(spec_with({"HEAD"}), answer);
  EXPECT_EQ(selection.refs.at(pin_of(id('d'))), id('d'));
  EXPECT_EQ(resolve("HEAD", answer)->id, id('d'));
}

TEST(RefSelection, TagsThatCameAlongAreNotManaged) {
  const std::map<RefName, ObjectId> in_mirror{{RefName("refs/heads/main"), id('a')},
                                              {RefName("refs/tags/v1"), id('b')},
                                              {RefName("refs/tags/v2"), id('c')}};
  const auto managed = managed_refs(spec_with({"main"}, {"refs/tags/v2"}), in_mirror);
  EXPECT_EQ(managed.count(RefName("refs/tags/v1")), 0U);
  EXPECT_EQ(managed.count(RefName("refs/tags/v2")), 1U);
  EXPECT_EQ(managed.count(RefName("refs/heads/main")), 1U);
}

// --- announcements ---

Announcement announced(char before, char after, std::uint64_t number,
                       const std::string& ref = "refs/heads/main") {
  const auto parse = [](char digit) {
    return digit == '-' ? std::nullopt : std::optional(id(digit));
  };
  return {RefName(ref), parse(before), parse(after), WallTime{}, number};
}

std::vector<ObjectId> worth_fetching(const std::vector<Announcement>& announcements,
                                     char in_mirror = 'a') {
  return announced_commits(announcements, spec_with({"main"}),
                           {{RefName("refs/heads/main"), id(in_mirror)}});
}

TEST(AnnouncedCommits, AreTheNewestInWhateverOrderTheyCome) {
  EXPECT_THAT(worth_fetching({announced('a', 'b', 1)}), ElementsAre(id('b')));
  EXPECT_THAT(worth_fetching({announced('b', 'c', 2), announced('a', 'b', 1)}),
              ElementsAre(id('c')));
}

TEST(AnnouncedCommits, LeaveOutWhatIsThereAndWhatNobodyFollows) {
  EXPECT_THAT(worth_fetching({announced('a', 'b', 1)}, 'b'), IsEmpty());
  EXPECT_THAT(worth_fetching({announced('a', 'b', 1, "refs/heads/other")}), IsEmpty());
  EXPECT_THAT(worth_fetching({announced('a', '-', 1)}), IsEmpty()) << "deleted";
}

TEST(AnnouncedCommits, LeaveOutARefOfWhichNobodyCanTellTheNewest) {
  EXPECT_THAT(worth_fetching({announced('-', 'b', 1), announced('-', 'c', 2)}), IsEmpty());
  EXPECT_THAT(worth_fetching({announced('a', 'b', 1), announced('b', 'a', 2)}), IsEmpty());
}

TEST(AnnouncedCommits, AreThoseOfWhoDoesNotSayWhatWasBefore) {
  EXPECT_THAT(worth_fetching({announced('-', 'b', 1)}), ElementsAre(id('b')));
  EXPECT_THAT(worth_fetching({announced('b', 'c', 1)}), ElementsAre(id('c'))) << "one was lost";
}

const WallTime kNow{std::chrono::hours(1000)};

/// `earlier` is what the mirror's ref was before; `seen` the commits that its ref was at.
std::vector<std::uint64_t> lagging(const std::vector<Announcement>& announcements, char now,
                                   char before_refresh = '-', const std::string& seen = "abc") {
  const RepositorySpec spec = spec_with({"main"});
  std::map<RefName, ObjectId> earlier;
  if (before_refresh != '-') {
    earlier[RefName("refs/heads/main")] = id(before_refresh);
  }
  const auto was_at = [&](const RefName&, const ObjectId& object) {
    return seen.find(object.hex().front()) != std::string::npos;
  };
  std::map<std::string, char> refs;
  if (now != '-') {
    refs["refs/heads/main"] = now;
  }
  const remote::Advertisement answer = answer_of(refs);
  std::vector<std::uint64_t> numbers;
  for (const Announcement& announcement :
       still_lagging(announcements, {spec, earlier, answer, was_at, kNow})) {
    numbers.push_back(announcement.journal_id);
  }
  return numbers;
}

TEST(Lagging, IsAnUpstreamThatStillAnswersWhatItHadBefore) {
  EXPECT_THAT(lagging({announced('a', 'b', 1)}, 'a'), ElementsAre(1));
  EXPECT_THAT(lagging({announced('a', 'b', 1)}, 'b'), IsEmpty());
  EXPECT_THAT(lagging({announced('a', 'b', 1)}, 'c'), IsEmpty()) << "anything else is the truth";
}

TEST(Lagging, KnowsCreationAndDeletion) {
  EXPECT_THAT(lagging({announced('-', 'b', 1)}, '-'), ElementsAre(1));
  EXPECT_THAT(lagging({announced('-', 'b', 1)}, 'b'), IsEmpty());
  EXPECT_THAT(lagging({announced('a', '-', 1)}, 'a'), ElementsAre(1));
  EXPECT_THAT(lagging({announced('a', '-', 1)}, '-'), IsEmpty());
}

TEST(Lagging, TakesSeveralAnnouncementsAsAChain) {
  const std::vector<Announcement> chain{announced('a', 'b', 1), announced('b', 'c', 2)};
  EXPECT_THAT(lagging(chain, 'a'), ElementsAre(1, 2));
  EXPECT_THAT(lagging(chain, 'b'), ElementsAre(2));
  EXPECT_THAT(lagging(chain, 'c'), IsEmpty());
}

TEST(Lagging, IsNotSeenWhereAPushWasTakenBack) {
  EXPECT_THAT(lagging({announced('a', 'b', 1), announced('b', 'a', 2)}, 'a'), IsEmpty());
}

TEST(Lagging, IsAnUpstreamThatHasShownNothingOfAnAnnouncementYet) {
  // Only the second of two pushes was announced, and the upstream still answers the oldest state.
  EXPECT_THAT(lagging({announced('e', 'f', 1)}, 'a', 'a'), ElementsAre(1));
  // The forge did not say what was before.
  EXPECT_THAT(lagging({announced('-', 'f', 1)}, 'a', 'a'), ElementsAre(1));
  EXPECT_THAT(lagging({announced('e', 'f', 1)}, 'b', 'a'), IsEmpty()) << "it moved: the truth";
}

TEST(Lagging, IsNotSeenInALateOrReplayedAnnouncement) {
  EXPECT_THAT(lagging({announced('a', 'b', 1)}, 'c', 'c'), IsEmpty());
  EXPECT_THAT(lagging({announced('-', 'b', 1)}, 'c', 'c'), IsEmpty());
}

TEST(Lagging, GivesAnAnnouncementWithoutCommitsAFewSeconds) {
  Announcement unnamed = announced('-', '-', 1);
  unnamed.at = kNow - std::chrono::seconds(5);
  EXPECT_THAT(lagging({unnamed}, 'a', 'a'), ElementsAre(1));
  EXPECT_THAT(lagging({unnamed}, 'b', 'a'), IsEmpty());
  unnamed.at = kNow - std::chrono::seconds(20);
  EXPECT_THAT(lagging({unnamed}, 'a', 'a'), IsEmpty());
}

TEST(Lagging, IsNotSeenInAForgesTestWhichNamesOneCommitTwice) {
  EXPECT_THAT(lagging({announced('a', 'a', 1)}, 'a', 'a'), IsEmpty());
  EXPECT_THAT(lagging({announced('e', 'e', 1)}, 'a', 'a'), ElementsAre(1)) << "not shown yet";
}

TEST(Lagging, IgnoresRefsThatNobodyFollows) {
  const RepositorySpec spec = spec_with({"main"});
  const std::map<RefName, ObjectId> earlier;
  const remote::Advertisement answer = answer_of({{"refs/heads/other", 'a'}});
  const auto result = still_lagging(
      {announced('a', 'b', 1, "refs/heads/other")},
      {spec, earlier, answer, [](const RefName&, const ObjectId&) { return false; }, kNow});
  EXPECT_TRUE(result.empty());
}

}  // namespace
}  // namespace freshet::sync
