#include "notify/plan.h"

#include <gtest/gtest.h>

namespace freshet::notify {
namespace {

using std::chrono::seconds;

const RepositoryName kSite("site");
const std::string kPath = "/srv/site";
const Instant kStart{seconds(1000)};

ObjectId commit(char digit) {
  return *ObjectId::parse(std::string(40, digit));
}

Publication publication(char old_digit, char new_digit, const RepositoryName& name = kSite,
                        const std::string& path = kPath) {
  return {name,
          path,
          path + "/tree",
          RefName("refs/heads/main"),
          old_digit == 0 ? std::nullopt : std::optional(commit(old_digit)),
          commit(new_digit),
          Cause::delivery};
}

Action command(const std::string& program) {
  Action action;
  action.run = {program};
  return action;
}

Action request(const std::string& url) {
  Action action;
  action.post = url;
  return action;
}

Error error() {
  return {ErrorClass::conflict, "no", std::nullopt};
}

class ThePlanOfNotifications : public ::testing::Test {
 protected:
  void follow(const Action& action, std::optional<ObjectId> told = std::nullopt) {
    plan_.follow(kSite, kPath, action, told);
  }
  /// The commits "OLD>NEW" of the next try, "" when there is none.
  std::string next(Instant now) {
    const auto task = plan_.start_next(now);
    if (!task) {
      return "";
    }
    task_ = *task;
    const auto& old = task_.publication.old_commit;
    return (old ? old->hex().substr(0, 1) : "") + ">" +
           task_.publication.new_commit.hex().substr(0, 1);
  }

  Plan plan_{Backoff{seconds(1), seconds(60), 0}};
  Task task_;
};

TEST_F(ThePlanOfNotifications, TellsAnActionOfAPublicationOnce) {
  follow(command("reload"));
  EXPECT_EQ(plan_.wakes_at(), Instant::max());
  plan_.published(publication(0, 'a'), "id", kStart);
  EXPECT_EQ(plan_.wakes_at(), kStart);
  EXPECT_EQ(next(kStart), ">a");
  EXPECT_EQ(task_.id, "id");
  EXPECT_EQ(next(kStart), "");
  plan_.succeeded(task_);
  EXPECT_EQ(next(kStart + seconds(9999)), "");
  EXPECT_EQ(plan_.wakes_at(), Instant::max());
}

TEST_F(ThePlanOfNotifications, CountsFromTheCommitThatWasToldLast) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('b', 'c'), "id", kStart);
  EXPECT_EQ(next(kStart), "a>c");
}

TEST_F(ThePlanOfNotifications, TellsOfTheWayBackToWhatWasToldLast) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('b', 'a'), "id", kStart);
  EXPECT_EQ(next(kStart), "b>a");
}

TEST_F(ThePlanOfNotifications, LetsTheNewestReplaceTheOneThatWaits) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('a', 'b'), "1", kStart);
  plan_.published(publication('b', 'c'), "2", kStart);
  EXPECT_EQ(next(kStart), "a>c");
  EXPECT_EQ(task_.id, "2");
  plan_.published(publication('c', 'd'), "3", kStart);
  plan_.published(publication('d', 'e'), "4", kStart);
  EXPECT_EQ(next(kStart), "") << "one try of an action at a time";
  plan_.succeeded(task_);
  EXPECT_EQ(next(kStart), "c>e");
}

TEST_F(ThePlanOfNotifications, TriesAgainWithBackoffAndTheSameIdUntilItIsDone) {
  follow(command("reload"));
  plan_.published(publication(0, 'a'), "id", kStart);
  Instant time = kStart;
  for (const int delay : {1, 2, 4, 8, 16, 32, 60, 60}) {
    ASSERT_EQ(next(time), ">a");
    EXPECT_EQ(task_.id, "id");
    plan_.failed(task_, error(), time, 0);
    EXPECT_EQ(plan_.wakes_at(), time + seconds(delay));
    EXPECT_EQ(next(time + seconds(delay) - Duration(1)), "");
    time += seconds(delay);
  }
  ASSERT_EQ(next(time), ">a");
  EXPECT_EQ(task_.failures, 8);
  plan_.succeeded(task_);
  EXPECT_EQ(plan_.wakes_at(), Instant::max());
}

TEST_F(ThePlanOfNotifications, WaitsAsLongAsTheReceiverAsksFor) {
  follow(request("https://ci.example/"));
  plan_.published(publication(0, 'a'), "id", kStart);
  ASSERT_EQ(next(kStart), ">a");
  plan_.failed(task_, {ErrorClass::protocol, "busy", seconds(30)}, kStart, 0);
  EXPECT_EQ(plan_.wakes_at(), kStart + seconds(30));
}

TEST_F(ThePlanOfNotifications, DropsAFailureThatSomethingNewerReplaces) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('a', 'b'), "1", kStart);
  ASSERT_EQ(next(kStart), "a>b");
  plan_.published(publication('b', 'c'), "2", kStart);
  plan_.failed(task_, error(), kStart, 0);
  ASSERT_EQ(next(kStart), "a>c") << "at once, and from what was told last";
  EXPECT_EQ(task_.failures, 0);
}

TEST_F(ThePlanOfNotifications, TellsOfWhatIsFoundPublishedOnlyWhoWasNotTold) {
  follow(command("told"), commit('b'));
  follow(command("not told"), commit('a'));
  follow(command("never told"));
  plan_.found(publication(0, 'b'), "id", kStart);
  EXPECT_EQ(next(kStart), "a>b");
  EXPECT_EQ(task_.action.run.front(), "not told");
  plan_.succeeded(task_);
  EXPECT_EQ(next(kStart), ">b");
  EXPECT_EQ(task_.action.run.front(), "never told");
  plan_.succeeded(task_);
  EXPECT_EQ(next(kStart), "");
}

TEST_F(ThePlanOfNotifications, LetsWhatWasPublishedCountMoreThanWhatWasFound) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('b', 'c'), "1", kStart);
  plan_.found(publication(0, 'b'), "2", kStart);
  EXPECT_EQ(next(kStart), "a>c");
  plan_.found(publication(0, 'b'), "3", kStart);
  plan_.succeeded(task_);
  EXPECT_EQ(next(kStart), "");
}

TEST_F(ThePlanOfNotifications, RunsTheCommandsOfARepositoryInTheirOrderOneAtATime) {
  for (const char* program : {"z", "m", "a"}) {
    follow(command(program));
  }
  plan_.published(publication(0, 'a'), "id", kStart);
  for (const char* program : {"z", "m", "a"}) {
    ASSERT_EQ(next(kStart), ">a");
    EXPECT_EQ(task_.action.run.front(), program);
    EXPECT_FALSE(plan_.start_next(kStart));
    plan_.succeeded(task_);
  }
}

TEST_F(ThePlanOfNotifications, LetsNeitherRequestsNorOtherRepositoriesWaitForACommand) {
  follow(command("slow"));
  follow(request("https://ci.example/"));
  const RepositoryName other("other");
  plan_.follow(other, "/srv/other", command("quick"), std::nullopt);
  plan_.published(publication(0, 'a'), "1", kStart);
  plan_.published(publication(0, 'b', other, "/srv/other"), "2", kStart);
  ASSERT_EQ(next(kStart), ">a");
  EXPECT_EQ(next(kStart), ">a");
  EXPECT_EQ(task_.action.post, "https://ci.example/");
  EXPECT_EQ(next(kStart), ">b");
}

TEST_F(ThePlanOfNotifications, LetsAFailingCommandHoldNoOtherUp) {
  follow(command("bad"));
  follow(command("good"));
  plan_.published(publication(0, 'a'), "id", kStart);
  ASSERT_EQ(next(kStart), ">a");
  plan_.failed(task_, error(), kStart, 0);
  ASSERT_EQ(next(kStart), ">a");
  EXPECT_EQ(task_.action.run.front(), "good");
}

TEST_F(ThePlanOfNotifications, KnowsCheckoutsByTheirPathsAndRefs) {
  Action release = command("reload");
  release.refs = {"refs/heads/release"};
  follow(release);
  plan_.follow(kSite, "/srv/other", command("reload"), std::nullopt);
  plan_.published(publication(0, 'a'), "id", kStart);
  EXPECT_EQ(next(kStart), "");
  plan_.found(publication(0, 'a'), "id", kStart);
  EXPECT_EQ(next(kStart), "");
  plan_.published(publication(0, 'b', kSite, "/srv/other"), "id", kStart);
  EXPECT_EQ(next(kStart), ">b");
}

TEST_F(ThePlanOfNotifications, KeepsWhatWaitsWhenTheSameIsConfiguredAgain) {
  follow(command("reload"), commit('a'));
  plan_.published(publication('a', 'b'), "id", kStart);
  Action changed = command("reload");
  changed.timeout = seconds(5);
  follow(changed, commit('f'));
  ASSERT_EQ(next(kStart), "a>b");
  EXPECT_EQ(task_.action.timeout, seconds(5));
}

TEST_F(ThePlanOfNotifications, ForgetsWhatIsConfiguredNoMore) {
  follow(command("gone"));
  follow(command("stays"));
  plan_.published(publication(0, 'a'), "id", kStart);
  const auto stays = [](const RepositoryName&, const Plan::Key& key) {
    return key.second == command("stays").id();
  };
  plan_.keep_only(stays);
  ASSERT_EQ(next(kStart), ">a");
  EXPECT_EQ(task_.action.run.front(), "stays");
  plan_.keep_only([](const RepositoryName&, const Plan::Key&) { return false; });
  plan_.published(publication('a', 'b'), "id", kStart);
  plan_.failed(task_, error(), kStart, 0);
  EXPECT_EQ(next(kStart + seconds(60)), "");
  EXPECT_TRUE(plan_.empty());
}

}  // namespace
}  // namespace freshet::notify
