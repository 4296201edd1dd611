#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/intake_fixture.h"

namespace freshet::webhook {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(IntakeTest, APushIsAcceptedAndHandedOnWithWhatItAnnounced) {
  const auto response = push("refs/heads/main", "id-1");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body,
            R"({"status":"accepted","repositories":["docs"],"delivery":"id-1","coalesced":false})");
  ASSERT_EQ(world.triggers.size(), 1U);
  const Trigger& trigger = world.triggers[0];
  EXPECT_EQ(trigger.repository, RepositoryName("docs"));
  EXPECT_EQ(trigger.cause, Cause::delivery);
  EXPECT_EQ(trigger.delivery, "id-1");
  const Announcement expected{RefName("refs/heads/main"), ObjectId::parse(kOld),
                              ObjectId::parse(kNew), kWallTime};
  EXPECT_THAT(trigger.announcements, ElementsAre(expected));
}

TEST_F(IntakeTest, OnlyRepositoriesThatFollowTheRefAreRefreshed) {
  const auto accepted = Json::parse(push("refs/tags/v1").body).value();
  EXPECT_EQ(accepted["status"].text(), "accepted");
  ASSERT_EQ(accepted["repositories"].items().size(), 1U);
  EXPECT_EQ(accepted["repositories"].items()[0].text(), "docs-v1");
  EXPECT_EQ(accepted["coalesced"].boolean(), false);
  EXPECT_EQ(accepted["delivery"].text(), world.seen.back().id) << "one of our own";
  EXPECT_EQ(accepted["delivery"].text().size(), 16U);
  const auto ignored = push("refs/tags/v2");
  EXPECT_EQ(ignored.status, 200);
  EXPECT_EQ(ignored.body, R"({"status":"ignored","reason":"no checkout follows refs/tags/v2"})");
  EXPECT_THAT(triggered(), ElementsAre("docs-v1"));
  EXPECT_THAT(world.seen.back().repositories,
              ElementsAre(RepositoryName("docs"), RepositoryName("docs-v1")));
}

TEST_F(IntakeTest, CoalescedSaysThatEveryTriggerJoinedAWaitingRefresh) {
  EXPECT_THAT(push("refs/heads/a", "1").body, HasSubstr(R"("coalesced":false)"));
  EXPECT_THAT(push("refs/heads/a", "2").body, HasSubstr(R"("coalesced":true)"));
  const std::string both = R"({"action":"edited","changes":{"default_branch":{"from":"x"}},)"
                           R"("repository":{"clone_url":"https://github.com/acme/docs"}})";
  const auto response = deliver(request("repository", both));
  EXPECT_THAT(response.body, HasSubstr(R"("repositories":["docs","docs-v1"])"));
  EXPECT_THAT(response.body, HasSubstr(R"("coalesced":false)"));
  EXPECT_THAT(world.triggers.back().announcements, IsEmpty());
}

TEST_F(IntakeTest, APingIsAnswered) {
  const auto response = deliver(request("ping", R"({"zen":"z"})"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"status":"pong"})");
}

TEST_F(IntakeTest, WhatDoesNotConcernUsIsIgnored) {
  const auto other = deliver(request("issues", R"({"action":"opened"})"));
  EXPECT_EQ(other.status, 200);
  EXPECT_THAT(other.body, HasSubstr(R"({"status":"ignored","reason":")"));
  const auto foreign = deliver(request("push", payload_of("acme/unknown", "refs/heads/main")));
  EXPECT_EQ(foreign.status, 200);
  EXPECT_THAT(foreign.body, HasSubstr(R"({"status":"ignored","reason":")"));
  EXPECT_THAT(triggered(), IsEmpty());
}

TEST_F(IntakeTest, PullRequestsCountForWhoFollowsTheirRefs) {
  const auto of = [](const std::string& repository) {
    return R"({"action":"opened","number":7,"repository":{"clone_url":"https://github.com/acme/)" +
           repository + R"("}})";
  };
  EXPECT_EQ(deliver(request("pull_request", of("docs"))).body,
            R"({"status":"ignored",)"
            R"("reason":"no checkout follows refs/pull/7/head, refs/pull/7/merge"})");
  EXPECT_EQ(deliver(request("pull_request", of("pulls"))).status, 202);
  EXPECT_EQ(world.triggers.at(0).announcements.size(), 2U);
}

TEST_F(IntakeTest, UnreadablePayloadsOfAuthenticSendersAreInvalid) {
  for (const std::string& body :
       {std::string("not JSON"), std::string("[]"), std::string(R"({"ref":1})"),
        std::string(R"({"ref":"refs/heads/main"})"),
        std::string(R"({"ref":"refs/heads/main","repository":{"id":1}})")}) {
    const auto response = deliver(request("push", body));
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_THAT(response.body, HasSubstr(R"({"status":"invalid","reason":")"));
    EXPECT_EQ(world.seen.back().verdict, Verdict::invalid);
  }
}

TEST_F(IntakeTest, OnARouteWithANameTheRepositoryIsThatOne) {
  const std::string body = payload_of("somebody/else", "refs/heads/main");
  EXPECT_THAT(deliver(request("push", body), "docs").body, HasSubstr(R"(["docs"])"));
  EXPECT_THAT(deliver(request("push", R"({"ref":"refs/heads/main"})"), "docs").body,
              HasSubstr(R"(["docs"])"));
  EXPECT_EQ(deliver(request("push", body), "docs-v1").body,
            R"({"status":"ignored","reason":"no checkout follows refs/heads/main"})");
  EXPECT_EQ(deliver(request("push", body, "own secret"), "docs").status, 401);
}

TEST_F(IntakeTest, EveryForgeIsAnsweredOnItsRoute) {
  const std::string body = R"({"repository":"docs","ref":"main","commit":")" + kNew + "\"}";
  http::Request generic;
  generic.headers.add("X-Signature-256", "sha256=" + to_hex(hmac_sha256("general secret", body)));
  generic.headers.add("X-Delivery-ID", "g-1");
  generic.body = body;
  EXPECT_EQ(deliver(generic, "", "generic").body,
            R"({"status":"accepted","repositories":["docs"],"delivery":"g-1","coalesced":false})");
  EXPECT_EQ(deliver(generic, "", "generic").body, R"({"status":"duplicate"})");
  http::Request token;
  token.headers.add("X-Gitlab-Token", "general secret");
  token.headers.add("X-Gitlab-Event", "Push Hook");
  token.headers.add("X-Gitlab-Event-UUID", "l-1");
  token.body = R"({"ref":"refs/heads/main","project":{"path_with_namespace":"acme/docs"}})";
  EXPECT_EQ(deliver(token, "", "gitlab").status, 202);
  EXPECT_EQ(deliver(token, "", "gitlab").body, R"({"status":"duplicate"})");
  token.body += " ";
  EXPECT_EQ(deliver(token, "", "gitlab").status, 202) << "another body";
}

TEST_F(IntakeTest, ARenamedUpstreamKeepsItsHostWhenThePayloadSaysNone) {
  http::Request token;
  token.headers.add("X-Gitlab-Token", "general secret");
  token.headers.add("X-Gitlab-Event", "System Hook");
  token.body = R"({"event_name":"project_rename","path_with_namespace":"acme/manual",)"
               R"("old_path_with_namespace":"acme/docs"})";
  EXPECT_EQ(deliver(token, "", "gitlab").status, 202);
  EXPECT_THAT(world.renamed["docs"], ElementsAre("github.com/acme/manual"));
}

TEST_F(IntakeTest, ADeliveryRunsAgainByTheConfigurationOfNow) {
  push("refs/heads/main", "1");
  const Delivery content = *world.seen.back().content;
  const auto again = intake().run_again("github", std::nullopt, "1", content);
  EXPECT_EQ(again.verdict, Verdict::accepted) << "never a duplicate";
  EXPECT_EQ(again.forge, "github");
  EXPECT_EQ(again.event, "replay");
  EXPECT_EQ(again.secret, "");
  ASSERT_EQ(again.refreshed.size(), 1U);
  EXPECT_EQ(again.refreshed[0].repository, RepositoryName("docs"));
  EXPECT_EQ(world.triggers.back().announcements, world.triggers.front().announcements);
  EXPECT_EQ(world.seen.back().event, "replay");

  world.index = std::make_shared<MatchIndex>(
      std::vector<Followed>{follow("docs-v1", "https://github.com/acme/docs", {"refs/tags/v1"})});
  EXPECT_EQ(intake().run_again("github", std::nullopt, "1", content).verdict, Verdict::ignored);
  EXPECT_EQ(intake().run_again("github", RepositoryName("docs"), "1", content).verdict,
            Verdict::ignored);
  world.refusing["docs-v1"] = ErrorClass::no_space;
  Delivery any = content;
  any.kind = Delivery::Kind::repository_changed;
  EXPECT_EQ(intake().run_again("github", RepositoryName("docs-v1"), "1", any).verdict,
            Verdict::unavailable);
  EXPECT_EQ(world.seen.size(), 5U);
}

TEST_F(IntakeTest, TheSameDeliveryAgainIsADuplicateForTenMinutes) {
  EXPECT_EQ(push("refs/heads/a", "1").status, 202);
  world.time += 9min;
  const auto again = push("refs/heads/a", "1");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, R"({"status":"duplicate"})");
  EXPECT_EQ(push("refs/heads/b", "1").status, 202) << "another body";
  EXPECT_EQ(push("refs/heads/a", "2").status, 202) << "another id";
  EXPECT_EQ(deliver(request("push", payload_of("acme/docs", "refs/heads/a"), "general secret", "1"),
                    "docs")
                .status,
            202)
      << "another hook for the same event";
  world.time += 1min;
  EXPECT_EQ(push("refs/heads/a", "1").status, 202);
}

TEST_F(IntakeTest, AfterAFailedRefreshTheSameDeliveryIsNew) {
  EXPECT_EQ(push("refs/heads/a", "1").status, 202);
  intake().refresh_failed(RepositoryName("docs-v1"));
  EXPECT_EQ(push("refs/heads/a", "1").status, 200);
  intake().refresh_failed(RepositoryName("docs"));
  EXPECT_EQ(push("refs/heads/a", "1").status, 202);
  EXPECT_EQ(push("refs/heads/a", "1").status, 200);
}

TEST_F(IntakeTest, WithoutAnIdNothingIsADuplicate) {
  EXPECT_EQ(push("refs/heads/a").status, 202);
  EXPECT_EQ(push("refs/heads/a").status, 202);
  EXPECT_EQ(push("refs/heads/a", "\x01").status, 202);
  EXPECT_EQ(push("refs/heads/a", "\x01").status, 202);
}

TEST_F(IntakeTest, WhatWasIgnoredIsNoDuplicateOnceItConcernsUs) {
  EXPECT_EQ(push("refs/tags/v2", "1").status, 200);
  world.index = std::make_shared<MatchIndex>(
      std::vector<Followed>{follow("docs-v2", "https://github.com/acme/docs", {"refs/tags/v2"})});
  EXPECT_EQ(push("refs/tags/v2", "1").status, 202);
}

TEST_F(IntakeTest, NothingIsPromisedThatCouldNotBeRecorded) {
  world.refusing["docs"] = ErrorClass::no_space;
  const auto response = push("refs/heads/a", "1");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr(R"({"status":"unavailable","reason":")"));
  EXPECT_THAT(response.body, Not(HasSubstr("journal")));
  EXPECT_EQ(world.seen.back().verdict, Verdict::unavailable);
  world.refusing.clear();
  EXPECT_EQ(push("refs/heads/a", "1").status, 202) << "a redelivery is new";
}

TEST_F(IntakeTest, ARepositoryThatWentAwayMeanwhileIsLeftOut) {
  world.refusing["docs"] = ErrorClass::not_found;
  EXPECT_EQ(push("refs/heads/a").status, 200);
  EXPECT_EQ(world.seen.back().verdict, Verdict::ignored);
}

TEST_F(IntakeTest, ARenamedUpstreamIsRefreshedAndItsNewNameReported) {
  const std::string body =
      R"({"action":"renamed","changes":{"repository":{"name":{"from":"docs"}}},)"
      R"("repository":{"full_name":"acme/manual",)"
      R"("clone_url":"https://github.com/acme/manual.git"}})";
  EXPECT_THAT(deliver(request("repository", body)).body,
              HasSubstr(R"("repositories":["docs","docs-v1"])"));
  EXPECT_THAT(world.triggers.at(0).announcements, IsEmpty());
  EXPECT_THAT(world.renamed["docs"], ElementsAre("https://github.com/acme/manual.git"));
  EXPECT_EQ(world.renamed.size(), 2U);
}

TEST_F(IntakeTest, EveryDeliveryIsReportedOnce) {
  push("refs/heads/a", "1");
  push("refs/heads/a", "1");
  deliver(request("ping", "{}", "wrong"), "docs");
  ASSERT_EQ(world.seen.size(), 3U);
  EXPECT_EQ(world.seen[0].verdict, Verdict::accepted);
  EXPECT_EQ(world.seen[0].forge, "github");
  EXPECT_EQ(world.seen[0].event, "push");
  EXPECT_EQ(world.seen[0].id, "1");
  EXPECT_EQ(world.seen[0].secret, "file of general secret");
  EXPECT_EQ(world.seen[0].at, kWallTime);
  EXPECT_THAT(world.seen[0].repositories,
              ElementsAre(RepositoryName("docs"), RepositoryName("docs-v1")));
  ASSERT_EQ(world.seen[0].refreshed.size(), 1U);
  EXPECT_EQ(world.seen[0].refreshed[0].repository, RepositoryName("docs"));
  EXPECT_EQ(world.seen[1].verdict, Verdict::duplicate);
  EXPECT_THAT(world.seen[1].refreshed, IsEmpty());
  EXPECT_EQ(world.seen[2].route, RepositoryName("docs"));
  EXPECT_EQ(world.seen[2].secret, "");
}

}  // namespace
}  // namespace freshet::webhook
