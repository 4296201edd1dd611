#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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

class IntakeSecrets : public IntakeTest {};

TEST_F(IntakeSecrets, WrongAndMissingSignaturesGetOneAnswerAndChangeNothing) {
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

TEST_F(IntakeSecrets, SecretsAreReadAtEachDelivery) {
  EXPECT_EQ(push("refs/heads/a").status, 202);
  world.general = {"rotated"};
  EXPECT_EQ(push("refs/heads/a").status, 401);
  world.general = {"rotated", "general secret"};
  EXPECT_EQ(push("refs/heads/a").status, 202);
  EXPECT_EQ(world.seen.back().secret, "file of general secret");
}

TEST_F(IntakeSecrets, WithoutAReadableSecretNobodyIsLetIn) {
  world.general = {""};  // configured, and not readable now
  EXPECT_EQ(guard(), 0);
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 401);
  world.general = {};
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 401);
}

TEST_F(IntakeSecrets, ARouteExistsWhereASecretIsConfiguredForIt) {
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

TEST_F(IntakeSecrets, ARepositoryWithSecretsOfItsOwnTakesNoOther) {
  const std::string body = payload_of("acme/own", "refs/heads/main");
  EXPECT_EQ(deliver(request("push", body, "own secret"), "team/own").status, 202);
  EXPECT_EQ(deliver(request("push", body, "general secret"), "team/own").status, 401);
  EXPECT_EQ(deliver(request("push", body, "general secret")).status, 200);
  EXPECT_THAT(triggered(), ElementsAre("team/own"));
}

TEST_F(IntakeSecrets, AnUnknownNameIsRefusedLikeAWrongSignatureAfterTheSameWork) {
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

TEST_F(IntakeSecrets, NoAnswerNorItsCostTellsWhichNamesExist) {
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

TEST_F(IntakeSecrets, ARequestWhoseBodyNobodyTappedIsNotAuthentic) {
  const std::string body = payload_of("acme/docs", "refs/heads/main");
  EXPECT_EQ(intake().deliver("github", std::nullopt, request("push", body)).status, 401);
  EXPECT_EQ(intake().begin("sourceforge", std::nullopt, http::Request{}), nullptr);
}

TEST_F(IntakeSecrets, ABodyThatCanNeverPassIsNotKept) {
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

TEST_F(IntakeSecrets, ANameHereDoesNotReachARepositoryWithSecretsOfItsOwn) {
  const std::string body = R"({"repository":"team/own"})";
  http::Request generic;
  generic.headers.add("X-Signature-256", "sha256=" + to_hex(hmac_sha256("general secret", body)));
  generic.body = body;
  EXPECT_THAT(deliver(generic, "", "generic").body, HasSubstr(R"("status":"ignored")"));
  EXPECT_THAT(triggered(), IsEmpty());
}

TEST_F(IntakeSecrets, TheLogHoldsNoSecretSignatureOrBodyAndFewRefusals) {
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
  for (const char* kept_out :
       {"general secret", "guessed secret", "sha256=", "clone_url", "id-2"}) {
    EXPECT_THAT(log, Not(HasSubstr(kept_out)));
  }
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  EXPECT_THAT(log, HasSubstr("others_since_last_line=99"));
}

}  // namespace
}  // namespace freshet::webhook
