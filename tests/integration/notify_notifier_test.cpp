#include "notify/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <deque>
#include <thread>

#include "notify/gatekeeper.h"
#include "support/git_fixture.h"

namespace freshet::notify {
namespace {

using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const RepositoryName kSite("site");

ObjectId commit(char digit) {
  return *ObjectId::parse(std::string(40, digit));
}

/// Real commands in real directories; requests go into a list.
class World : public Notifier::World, public Gatekeeper::World {
 public:
  ChangedPaths changed_paths(const Publication& /*publication*/) override {
    return {{"conf/a"}, false};
  }
  const std::vector<std::string>& command_environment() override { return environment_; }
  Result<void> post(const Notifier::Request& request, const CancelToken& /*cancel*/) override {
    requests.push_back(request);
    if (answers.empty()) {
      return {};
    }
    auto answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  Result<UniqueFd> hold(const std::string& /*tree*/) override { return UniqueFd(); }
  std::vector<Gate> gates_of(const RepositoryName& /*name*/) override { return gates; }

  std::vector<Notifier::Request> requests;
  std::deque<Result<void>> answers;
  std::vector<Gate> gates;

 private:
  const std::vector<std::string> environment_{"PATH=/usr/bin:/bin"};
};

class Notifications : public ::testing::Test {
 protected:
  Notifications() {
    ::signal(SIGPIPE, SIG_IGN);  // as the program does
    must(make_directories(tree_));
  }

  Publication publication(char new_digit) const {
    return {kSite,        directory_ / "site", tree_,        RefName("refs/heads/main"),
            std::nullopt, commit(new_digit),   Cause::manual};
  }
  static Action shell(const std::string& script, Duration timeout = seconds(60)) {
    Action action;
    action.run = {"/bin/sh", "-c", script};
    action.timeout = timeout;
    return action;
  }
  std::string content(const std::string& name) const {
    return read_file(directory_ / name).value_or("");
  }
  /// Nothing but the state directory is left of an earlier process.
  std::unique_ptr<Notifier> notifier(const std::vector<Action>& actions) {
    auto made = std::make_unique<Notifier>(world_, directory_ / "state/notify");
    made->follow(kSite, directory_ / "site", actions);
    return made;
  }

  TemporaryDirectory directory_;
  const std::string tree_ = directory_ / "tree";
  World world_;
};

TEST_F(Notifications, ACommandRunsInTheTreeWithVariablesAndTheDocument) {
  const Action action = shell("pwd > ../out; echo $FRESHET_NEW >> ../out; cat >> ../out");
  const auto notifier = this->notifier({action});
  notifier->published(publication('a'));
  EXPECT_TRUE(notifier->try_everything_once(CancelToken()));
  EXPECT_THAT(content("out"), HasSubstr(tree_ + "\n" + commit('a').hex() + "\n{"));
  EXPECT_THAT(content("out"), HasSubstr(R"("changed_paths":["conf/a"])"));
}

TEST_F(Notifications, WhatWasToldIsNotToldAgainByTheNextProcess) {
  const Action action = shell("echo $FRESHET_OLD-$FRESHET_NEW >> ../out");
  {
    const auto first = notifier({action});
    first->found(publication('a'));
    EXPECT_TRUE(first->try_everything_once(CancelToken()));
  }
  const auto second = notifier({action});
  second->found(publication('a'));
  EXPECT_TRUE(second->try_everything_once(CancelToken()));
  EXPECT_EQ(content("out"), "-" + commit('a').hex() + "\n");
  second->published(publication('b'));
  EXPECT_TRUE(second->try_everything_once(CancelToken()));
  EXPECT_THAT(content("out"), HasSubstr(commit('a').hex() + "-" + commit('b').hex() + "\n"));
}

TEST_F(Notifications, WhatFailedIsToldByTheNextProcess) {
  const Action action = shell("echo try >> ../out; exit 7");
  {
    const auto first = notifier({action});
    first->published(publication('a'));
    EXPECT_FALSE(first->try_everything_once(CancelToken()));
  }
  const auto second = notifier({action});
  second->found(publication('a'));
  EXPECT_FALSE(second->try_everything_once(CancelToken()));
  EXPECT_EQ(content("out"), "try\ntry\n");
}

TEST_F(Notifications, APathThatNobodyWantsIsNotToldAndCountsAsTold) {
  Action action = shell("echo $FRESHET_OLD >> ../out");
  action.paths = {"other/**"};
  const auto notifier = this->notifier({action});
  notifier->published(publication('a'));
  EXPECT_TRUE(notifier->try_everything_once(CancelToken()));
  EXPECT_FALSE(path_exists(directory_ / "out"));
  const auto next = this->notifier({action});
  next->found(publication('a'));
  EXPECT_TRUE(next->try_everything_once(CancelToken()));
  EXPECT_FALSE(path_exists(directory_ / "out"));
}

TEST_F(Notifications, ACommandThatTakesTooLongIsEndedWithItsGroup) {
  const auto notifier =
      this->notifier({shell("sleep 1000 & echo $! > ../child; wait", Duration(500))});
  notifier->published(publication('a'));
  EXPECT_FALSE(notifier->try_everything_once(CancelToken()));
  const int child = std::stoi(content("child"));
  // Killed, or already reaped by whoever adopted it.
  while (::kill(child, 0) == 0 &&
         read_file("/proc/" + std::to_string(child) + "/stat").value_or(") Z").find(") Z") ==
             std::string::npos) {
    std::this_thread::yield();
  }
}

TEST_F(Notifications, ALotOfOutputAndUnreadInputDisturbNothing) {
  const auto notifier = this->notifier({shell("head -c 100000000 /dev/zero; echo done > ../out")});
  notifier->published(publication('a'));
  EXPECT_TRUE(notifier->try_everything_once(CancelToken()));
  EXPECT_EQ(content("out"), "done\n");
}

TEST_F(Notifications, AStopEndsARunningCommandWhichTheNextProcessRunsAgain) {
  const Action action = shell("echo begun >> ../out; [ -e ../quick ] || sleep 1000");
  {
    const auto first = notifier({action});
    first->start();
    first->published(publication('a'));
    while (content("out").empty()) {
      std::this_thread::yield();
    }
    first->stop();
  }
  must(write_new_file(directory_ / "quick", ""));
  const auto second = notifier({action});
  second->found(publication('a'));
  EXPECT_TRUE(second->try_everything_once(CancelToken()));
  EXPECT_EQ(content("out"), "begun\nbegun\n");
}

TEST_F(Notifications, TheThreadsTryAgainUntilItWorks) {
  const auto notifier = this->notifier({shell("echo x >> ../out; [ $(wc -l < ../out) -ge 2 ]")});
  notifier->start();
  notifier->published(publication('a'));
  while (content("out") != "x\nx\n") {
    std::this_thread::yield();
  }
  notifier->stop();
}

TEST_F(Notifications, ARequestCarriesTheHeadersOfTheStandard) {
  must(write_new_file(directory_ / "secret", "key\n", 0600));
  Action action;
  action.post = "https://ci.example/hook";
  action.secret_file = directory_ / "secret";
  const auto notifier = this->notifier({action});
  notifier->published(publication('a'));
  EXPECT_TRUE(notifier->try_everything_once(CancelToken()));
  ASSERT_EQ(world_.requests.size(), 1U);
  std::vector<std::string> names;
  for (const auto& [name, value] : world_.requests[0].headers) {
    names.push_back(name);
  }
  EXPECT_THAT(names,
              ElementsAre("Content-Type", "webhook-id", "webhook-timestamp", "webhook-signature"));
  EXPECT_EQ(world_.requests[0].url, "https://ci.example/hook");
}

TEST_F(Notifications, ASecretThatIsNotThereFailsTheTryAlone) {
  Action action;
  action.post = "https://ci.example/hook";
  action.secret_file = directory_ / "none";
  const auto notifier = this->notifier({action});
  notifier->published(publication('a'));
  EXPECT_FALSE(notifier->try_everything_once(CancelToken()));
  EXPECT_TRUE(world_.requests.empty());
}

TEST_F(Notifications, AGateRefusesWithTheProgramItsStatusAndItsLastWords) {
  world_.gates = {{{"/bin/sh", "-c", "echo first >&2; echo last words >&2; exit 9"}, seconds(60)}};
  Gatekeeper gatekeeper(world_, directory_ / "state/gates");
  const auto judged = gatekeeper.judge(publication('a'), CancelToken());
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().error_class, ErrorClass::conflict);
  EXPECT_THAT(judged.error().message, HasSubstr("/bin/sh ended with status 9: last words"));
}

TEST_F(Notifications, AGateThatComplainsOnStandardOutputIsQuotedToo) {
  const std::string much = "i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; ";
  world_.gates = {{{"/bin/sh", "-c", much + "echo the site is broken; exit 9"}, seconds(60)}};
  Gatekeeper gatekeeper(world_, directory_ / "state/gates");
  const auto judged = gatekeeper.judge(publication('a'), CancelToken());
  ASSERT_FALSE(judged);
  EXPECT_THAT(judged.error().message, HasSubstr("ended with status 9: the site is broken"));
}

TEST_F(Notifications, WithoutAGateNoTreeIsJudgedWhoeverAsks) {
  // A judgement costs a walk over the whole tree, whatever the gates do.
  Gatekeeper gatekeeper(world_, directory_ / "state/gates");
  Publication candidate = publication('a');
  for (const Cause cause : {Cause::poll, Cause::delivery, Cause::manual}) {
    candidate.cause = cause;
    EXPECT_FALSE(must(gatekeeper.admit(candidate)));
  }
}

TEST_F(Notifications, ARefusedCommitIsAdmittedOnlyWhenSomethingIsDifferent) {
  world_.gates = {{{"/bin/false"}, seconds(60)}};
  Gatekeeper first(world_, directory_ / "state/gates");
  Publication candidate = publication('a');
  candidate.cause = Cause::poll;
  EXPECT_TRUE(must(first.admit(candidate)));
  ASSERT_FALSE(first.judge(candidate, CancelToken()));

  Gatekeeper next(world_, directory_ / "state/gates");
  const auto admitted = next.admit(candidate);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().error_class, ErrorClass::conflict);
  EXPECT_THAT(admitted.error().message, HasSubstr("/bin/false ended with status 1"));
  Publication newer = candidate;
  newer.new_commit = commit('b');
  EXPECT_TRUE(must(next.admit(newer)));
  Publication by_hand = candidate;
  by_hand.cause = Cause::manual;
  EXPECT_TRUE(must(next.admit(by_hand)));
  world_.gates = {{{"/bin/true"}, seconds(60)}};
  EXPECT_TRUE(must(next.admit(candidate)));
  EXPECT_TRUE(next.judge(candidate, CancelToken()));
}

TEST_F(Notifications, AGateThatCannotBeStartedOrIsCancelledHasNotJudged) {
  Gatekeeper gatekeeper(world_, directory_ / "state/gates");
  Publication candidate = publication('a');
  candidate.cause = Cause::poll;
  world_.gates = {{{"/no/such/program"}, seconds(60)}};
  const auto judged = gatekeeper.judge(candidate, CancelToken());
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().error_class, ErrorClass::config);
  EXPECT_TRUE(must(gatekeeper.admit(candidate)));
  world_.gates = {{{"/bin/sleep", "1000"}, seconds(60)}};
  const CancelToken cancelled;
  cancelled.cancel();
  EXPECT_FALSE(gatekeeper.judge(candidate, cancelled));
  EXPECT_TRUE(must(gatekeeper.admit(candidate)));
}

}  // namespace
}  // namespace freshet::notify
