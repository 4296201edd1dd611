#include "webhook/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/payloads.h"

namespace freshet::webhook {
namespace {

using testing::HasSubstr;
using Signature = Explanation::Signature;

const RouteSecrets kSecrets{{"/etc/old", "/etc/new"}, {Secret("old"), Secret("new")}};

class Explaining : public testing::Test {
 protected:
  Explanation ask() {
    return explain(
        saved, kSecrets, index, [](const RepositoryName&) { return RefName("refs/heads/main"); },
        WallTime{});
  }
  void sign(const std::string& secret) {
    saved.headers.add("X-Hub-Signature-256", "sha256=" + to_hex(hmac_sha256(secret, saved.body)));
  }

  MatchIndex index{{
      {RepositoryName("docs"), "https://github.com/acme/docs", {}, {"HEAD"}, 0},
      {RepositoryName("docs-v1"), "git@github.com:acme/docs.git", {}, {"refs/tags/v1"}, 0},
      {RepositoryName("gitlab"), "https://gitlab.example.com/acme/docs", {}, {}, 0},
  }};
  SavedDelivery saved{nullptr, std::nullopt, {}, payload("github_push")};
};

TEST_F(Explaining, ADeliverySaysWhoSignedItAndWhatItWouldDo) {
  saved.headers.add("X-GitHub-Event", "push");
  saved.headers.add("X-GitHub-Delivery", "id-1");
  sign("new");
  const Explanation found = ask();
  EXPECT_EQ(found.forge, &github());
  EXPECT_EQ(found.event, "push");
  EXPECT_FALSE(found.event_guessed);
  EXPECT_EQ(found.id, "id-1");
  EXPECT_EQ(found.signature, Signature::right);
  EXPECT_EQ(found.secret, "/etc/new");
  EXPECT_EQ(found.verdict, Verdict::accepted);
  ASSERT_EQ(found.repositories.size(), 2U);
  EXPECT_EQ(found.repositories[0].name, RepositoryName("docs"));
  EXPECT_TRUE(found.repositories[0].refreshed);
  EXPECT_EQ(found.repositories[0].why, "follows refs/heads/main");
  EXPECT_FALSE(found.repositories[1].refreshed);
  ASSERT_TRUE(found.content);
  EXPECT_EQ(found.content->changes.size(), 1U);
}

TEST_F(Explaining, AWrongSignatureDecidesButTheRestIsStillSaid) {
  saved.headers.add("X-GitHub-Event", "push");
  sign("guessed");
  const Explanation found = ask();
  EXPECT_EQ(found.signature, Signature::refused);
  EXPECT_EQ(found.verdict, Verdict::unauthorized);
  EXPECT_THAT(found.reason, HasSubstr("none of the secrets"));
  EXPECT_EQ(found.repositories.size(), 2U);
  saved.headers = {};
  saved.headers.add("X-GitHub-Event", "push");
  saved.headers.add("X-Hub-Signature-256", "sha256=abc");
  EXPECT_THAT(ask().reason, HasSubstr("64 hexadecimal digits"));
}

TEST_F(Explaining, WithoutHeadersThePayloadTellsForgeAndEvent) {
  const Explanation found = ask();
  EXPECT_EQ(found.forge, &github());
  EXPECT_EQ(found.event, "push");
  EXPECT_TRUE(found.event_guessed);
  EXPECT_EQ(found.signature, Signature::absent);
  EXPECT_THAT(found.signature_reason, HasSubstr("X-Hub-Signature-256"));
  EXPECT_EQ(found.verdict, Verdict::accepted);
  struct Case {
    const char* name;
    const Forge& forge;
    const char* event;
  };
  for (const Case& one : {Case{"gitlab_push", gitlab(), "Push Hook"},
                          Case{"gitlab_merge_request", gitlab(), "Merge Request Hook"},
                          Case{"bitbucket_repo_push", bitbucket(), "repo:push"},
                          Case{"bitbucket_refs_changed", bitbucket(), "repo:refs_changed"},
                          Case{"generic_push", generic(), ""}}) {
    saved.body = payload(one.name);
    EXPECT_EQ(ask().forge, &one.forge) << one.name;
    EXPECT_EQ(ask().event, one.event) << one.name;
  }
}

TEST_F(Explaining, WhatNobodySendsIsInvalid) {
  for (const char* body : {"", "[]", "not JSON", R"({"repository":{}})"}) {
    saved.body = body;
    const Explanation found = ask();
    EXPECT_EQ(found.forge, nullptr) << body;
    EXPECT_EQ(found.verdict, Verdict::invalid) << body;
    EXPECT_NE(found.reason, "");
  }
  saved.forge = &gitea();
  const Explanation given = ask();
  EXPECT_EQ(given.forge, &gitea());
  EXPECT_EQ(given.verdict, Verdict::invalid);
}

TEST_F(Explaining, ARouteWithANameMeansThatRepository) {
  saved.route = RepositoryName("gitlab");
  const Explanation found = ask();
  ASSERT_EQ(found.repositories.size(), 1U);
  EXPECT_EQ(found.repositories[0].name, RepositoryName("gitlab"));
}

}  // namespace
}  // namespace freshet::webhook
