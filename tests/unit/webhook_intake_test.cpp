#include "webhook/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace freshet::webhook {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');
const WallTime kWallTime = from_unix_millis(1'790'000'000'000);

/// A program around the intake whose time and state are set by the test, and which remembers what
/// it was told.
class Surroundings : public Intake::World, public TriggerSink {
 public:
  std::vector<std::string> general = {"general secret"};
  std::map<std::string, std::vector<std::string>> own;
  std::shared_ptr<const MatchIndex> index;
  Instant time{};

  std::vector<DeliveryRecord> seen;
  std::vector<Trigger> triggers;
  std::map<std::string, std::vector<std::string>> renamed;
  std::map<std::string, ErrorClass> refusing;
  std::map<std::string, bool> waiting;  ///< has a refresh that waits already
  int secrets_read = 0;
  std::map<std::string, RefName> default_branches;

  std::vector<std::string> secret_files(const std::optional<RepositoryName>& owner) override {
    std::vector<std::string> files = owner ? own[owner->text()] : general;
    for (std::string& file : files) {
      file.insert(0, "file of ");
    }
    return files;
  }
  Secret read_secret(const std::string& location) override {
    ++secrets_read;
    return Secret(location.substr(8));
  }
  std::shared_ptr<const MatchIndex> repositories() override { return index; }
  std::optional<RefName> default_branch(const RepositoryName& repository) override {
    const auto known = default_branches.find(repository.text());
    return known == default_branches.end() ? std::nullopt : std::optional(known->second);
  }
  Instant now() override { return time; }
  WallTime wall_now() override { return kWallTime; }
  void upstream_renamed(const RepositoryName& repository,
                        const std::vector<std::string>& urls) override {
    renamed[repository.text()] = urls;
  }
  void delivery_seen(const DeliveryRecord& record) override { seen.push_back(record); }
  Result<Receipt> accept(const Trigger& trigger) override {
    const std::string& name = trigger.repository.text();
    if (const auto error = refusing.find(name); error != refusing.end()) {
      return fail(error->second, "cannot append to /var/lib/freshet/journal");
    }
    triggers.push_back(trigger);
    return Receipt{triggers.size(), std::exchange(waiting[name], true)};
  }
};

Followed follow(const std::string& name, const std::string& url, std::vector<std::string> refs,
                std::size_t own_secrets = 0) {
  return {RepositoryName(name), url, {}, std::move(refs), own_secrets};
}

std::string payload_of(const std::string& full_name, const std::string& ref) {
  return R"({"ref":")" + ref + R"(","before":")" + kOld + R"(","after":")" + kNew +
         R"(","repository":{"full_name":")" + full_name + R"(","clone_url":"https://github.com/)" +
         full_name + R"(.git"}})";
}

http::Request request(const std::string& event, const std::string& body,
                      const std::string& secret = "general secret", const std::string& id = "") {
  http::Request result;
  result.method = "POST";
  result.headers.add("Content-Type", "application/json");
  result.headers.add("X-GitHub-Event", event);
  result.headers.add("X-Hub-Signature-256", "sha256=" + to_hex(hmac_sha256(secret, body)));
  if (!id.empty()) {
    result.headers.add("X-GitHub-Delivery", id);
  }
  result.body = body;
  return result;
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    world.index = std::make_shared<MatchIndex>(std::vector<Followed>{
        follow("docs", "https://github.com/acme/docs", {"HEAD"}),
        follow("docs-v1", "git@github.com:acme/docs.git", {"refs/tags/v1"}),
        follow("pulls", "https://github.com/acme/pulls", {"refs/pull/*"}),
        follow("team/own", "https://github.com/acme/own", {"refs/heads/main"}, 1),
    });
    world.own["team/own"] = {"own secret"};
    unknown.status = 404;
    unknown.body = R"({"error":{"code":"not_found","message":"no such route"}})";
  }

  /// As the server does: the body comes in pieces, after the head.
  http::Response deliver(http::Request delivery, const std::string& name = "",
                         const std::string& forge = "github") {
    http::Request head = delivery;
    head.body.clear();
    delivery.tap = intake().begin(forge, route(name), head);
    EXPECT_NE(delivery.tap, nullptr);
    const std::string_view body = delivery.body;
    delivery.tap->update(body.substr(0, body.size() / 2));
    delivery.tap->update(body.substr(body.size() / 2));
    return intake().deliver(forge, route(name), delivery);
  }
  http::Response push(const std::string& ref, const std::string& id = "") {
    return deliver(request("push", payload_of("acme/docs", ref), "general secret", id));
  }
  int guard(const std::string& name = "", const std::string& forge = "github") {
    const auto response = intake().guard(forge, route(name));
    EXPECT_TRUE(!response || response->body == unknown.body);
    return response ? response->status : 0;
  }
  Intake& intake() {
    if (!intake_) {
      intake_.emplace(world, world, unknown);
    }
    return *intake_;
  }
  static std::optional<RepositoryName> route(const std::string& name) {
    return name.empty() ? std::nullopt : std::optional(RepositoryName(name));
  }
  std::vector<std::string> triggered() const {
    std::vector<std::string> names;
    for (const Trigger& trigger : world.triggers) {
      names.push_back(trigger.repository.text());
    }
    return names;
  }

  Surroundings world;
  http::Response unknown;

 private:
  std::optional<Intake> intake_;
};

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
  EXPECT_EQ(
      push("refs/tags/v1").body,
      R"({"status":"accepted","repositories":["docs-v1"],"delivery":null,"coalesced":false})");
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

TEST_F(IntakeTest, WrongAndMissingSignaturesGetOneAnswerAndChangeNothing) {
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  http::Request none;
  none.body = body;
  http::Request altered = request("push", body);
  altered.body += " ";
  http::Request unreadable = request("push", "not JSON", "wrong");
  for (const auto& bad : {none, altered, unreadable, request("push", body, "wrong"),
                          request("push", body, "own secret"), request("ping", "{}", "wrong")}) {
    const auto response = deliver(bad);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.body, R"({"status":"unauthorized"})");
    EXPECT_EQ(world.seen.back().verdict, Verdict::unauthorized);
    EXPECT_EQ(world.seen.back().event, "");
  }
  EXPECT_THAT(triggered(), IsEmpty());
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

TEST_F(IntakeTest, SecretsAreReadAtEachDelivery) {
  EXPECT_EQ(push("refs/heads/a").status, 202);
  world.general = {"rotated"};
  EXPECT_EQ(push("refs/heads/a").status, 401);
  world.general = {"rotated", "general secret"};
  EXPECT_EQ(push("refs/heads/a").status, 202);
  EXPECT_EQ(world.seen.back().secret, "file of general secret");
}

TEST_F(IntakeTest, WithoutAReadableSecretNobodyIsLetIn) {
  world.general = {""};  // configured, and not readable now
  EXPECT_EQ(guard(), 0);
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 401);
  world.general = {};
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 401);
}

TEST_F(IntakeTest, ARouteExistsWhereASecretIsConfiguredForIt) {
  struct Case {
    bool general;
    bool any_own;
    std::string name;
    int status;
  };
  const std::vector<Case> cases = {
      {true, true, "", 0},           {true, true, "docs", 0},  {true, true, "team/own", 0},
      {true, true, "nobody", 0},     {true, false, "", 0},     {true, false, "nobody", 0},
      {false, true, "", 404},        {false, true, "docs", 0}, {false, true, "team/own", 0},
      {false, true, "nobody", 0},    {false, false, "", 404},  {false, false, "docs", 404},
      {false, false, "nobody", 404},
  };
  for (const Case& one : cases) {
    world.general = one.general ? std::vector<std::string>{"s"} : std::vector<std::string>{};
    std::vector<Followed> all{follow("docs", "https://github.com/acme/docs", {"HEAD"})};
    if (one.any_own) {
      all.push_back(follow("team/own", "https://github.com/acme/own", {"HEAD"}, 1));
    }
    world.index = std::make_shared<MatchIndex>(std::move(all));
    EXPECT_EQ(guard(one.name), one.status) << one.general << one.any_own << " " << one.name;
  }
  world.general = {"s"};
  EXPECT_EQ(guard("", "sourceforge"), 404);
  EXPECT_EQ(intake().deliver("sourceforge", std::nullopt, http::Request{}).body, unknown.body);
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

TEST_F(IntakeTest, ARepositoryWithSecretsOfItsOwnTakesNoOther) {
  const std::string body = payload_of("acme/own", "refs/heads/main");
  EXPECT_EQ(deliver(request("push", body, "own secret"), "team/own").status, 202);
  EXPECT_EQ(deliver(request("push", body, "general secret"), "team/own").status, 401);
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 200);
  EXPECT_THAT(triggered(), ElementsAre("team/own"));
}

TEST_F(IntakeTest, AnUnknownNameIsRefusedLikeAWrongSignatureAfterTheSameWork) {
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  const auto wrong = deliver(request("push", body, "wrong"), "docs");
  const int read_for_known = std::exchange(world.secrets_read, 0);
  const auto unknown_name = deliver(request("push", body, "general secret"), "nobody");
  EXPECT_EQ(unknown_name.status, 401);
  EXPECT_EQ(unknown_name.body, wrong.body);
  EXPECT_EQ(unknown_name.headers, wrong.headers);
  EXPECT_EQ(world.secrets_read, read_for_known);
  EXPECT_THAT(triggered(), IsEmpty());
}

TEST_F(IntakeTest, NoAnswerNorItsCostTellsWhichNamesExist) {
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  http::Request sha1 = request("push", body);
  sha1.headers = {};
  sha1.headers.add("X-Hub-Signature", "sha1=" + std::string(40, '0'));
  http::Request unsigned_one = request("push", body);
  unsigned_one.headers = {};
  for (const auto& [general, own] :
       std::vector<std::pair<int, int>>{{1, 1}, {1, 3}, {3, 1}, {0, 2}}) {
    world.general = std::vector<std::string>(general, "general secret");
    world.own["team/own"] = std::vector<std::string>(own, "own secret");
    world.index = std::make_shared<MatchIndex>(
        std::vector<Followed>{follow("docs", "https://github.com/acme/docs", {"HEAD"}),
                              follow("team/own", "https://github.com/acme/own", {"HEAD"}, own)});
    for (const http::Request& bad : {sha1, unsigned_one, request("push", body, "wrong")}) {
      std::vector<int> read;
      for (const char* name : {"docs", "team/own", "nobody"}) {
        EXPECT_EQ(guard(name), 0);
        world.secrets_read = 0;
        const auto response = deliver(bad, name);
        EXPECT_EQ(response.status, 401);
        EXPECT_EQ(response.body, R"({"status":"unauthorized"})");
        EXPECT_EQ(response.headers, http::Response{}.headers);
        read.push_back(world.secrets_read);
        http::Request head = bad;
        head.body.clear();
        EXPECT_EQ(intake().begin("github", route(name), head)->keep(),
                  bad.headers.count("X-Hub-Signature-256") == 1)
            << name;
      }
      EXPECT_THAT(read, testing::Each(std::max(general, own)));
    }
  }
  EXPECT_THAT(triggered(), IsEmpty());
}

TEST_F(IntakeTest, ARequestWhoseBodyNobodyTappedIsNotAuthentic) {
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  EXPECT_EQ(intake().deliver("github", std::nullopt, request("push", body)).status, 401);
  EXPECT_EQ(intake().begin("sourceforge", std::nullopt, http::Request{}), nullptr);
}

TEST_F(IntakeTest, ABodyThatCanNeverPassIsNotKept) {
  const auto keeps = [this](const std::string& forge, const std::string& header,
                            const std::string& value) {
    http::Request head;
    head.headers.add(header, value);
    return intake().begin(forge, std::nullopt, head)->keep();
  };
  EXPECT_TRUE(keeps("github", "X-Hub-Signature-256", "sha256=" + std::string(64, '0')));
  EXPECT_FALSE(keeps("github", "X-Hub-Signature-256", "sha256="));
  EXPECT_FALSE(keeps("gitea", "X-Gitea-Signature", ""));
  EXPECT_TRUE(keeps("gitlab", "X-Gitlab-Token", "general secret"));
  EXPECT_FALSE(keeps("gitlab", "X-Gitlab-Token", "guessed"));
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

TEST_F(IntakeTest, ANameHereDoesNotReachARepositoryWithSecretsOfItsOwn) {
  const std::string body = R"({"repository":"team/own"})";
  http::Request generic;
  generic.headers.add("X-Signature-256", "sha256=" + to_hex(hmac_sha256("general secret", body)));
  generic.body = body;
  EXPECT_THAT(deliver(generic, "", "generic").body, HasSubstr(R"("status":"ignored")"));
  EXPECT_THAT(triggered(), IsEmpty());
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

TEST_F(IntakeTest, TheLogHoldsNoSecretSignatureOrBodyAndFewRefusals) {
  const auto log_of = [](const auto& action) {
    testing::internal::CaptureStderr();
    action();
    return testing::internal::GetCapturedStderr();
  };
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  const http::Request good = request("push", body, "general secret", "id-1");
  const http::Request bad = request("push", body, "guessed secret", "id-2");
  const std::string log = log_of([&] {
    deliver(good);
    for (int i = 0; i < 100; ++i) {
      deliver(bad);
    }
    world.time += 10s;
    deliver(bad);
  });
  EXPECT_THAT(log, HasSubstr("id-1"));
  for (const char* kept_out : {"secret", "sha256=", "clone_url", "id-2"}) {
    EXPECT_THAT(log, Not(HasSubstr(kept_out)));
  }
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  EXPECT_THAT(log, HasSubstr("others_since_last_line=99"));
}

}  // namespace
}  // namespace freshet::webhook
