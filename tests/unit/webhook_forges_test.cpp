#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/payloads.h"
#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Delivery::Kind;
using Texts = std::vector<std::string>;

const std::string kB(40, 'b');

Result<Delivery> read(const Forge& forge, const std::string& event, const std::string& name) {
  return read_delivery(forge, event, payload(name));
}

TEST(RecordedPayloads, SayWhichRefsChanged) {
  struct Case {
    const Forge& forge;
    std::string event;
    std::string name;
    Texts changes;
  };
  const std::vector<Case> cases = {
      {github(), "push", "github_push", {"refs/heads/main a b"}},
      {github(), "create", "github_create", {"refs/tags/v1 - -"}},
      {github(), "delete", "github_delete", {"refs/heads/topic/old - -"}},
      {github(), "release", "github_release", {"refs/tags/v2 - -"}},
      {github(),
       "pull_request",
       "github_pull_request",
       {"refs/pull/7/head a b", "refs/pull/7/merge - -"}},
      {gitea(), "push", "gitea_push", {"refs/heads/main a b"}},
      {gitea(), "create", "gitea_create", {"refs/tags/v1 - -"}},
      {gitea(), "delete", "gitea_delete", {"refs/heads/topic - -"}},
      {gitea(), "release", "gitea_release", {"refs/tags/v2 - -"}},
      {gitea(),
       "pull_request",
       "gitea_pull_request",
       {"refs/pull/7/head - b", "refs/pull/7/merge - -"}},
      {gitlab(), "Push Hook", "gitlab_push", {"refs/heads/main a b"}},
      {gitlab(), "Push Hook", "gitlab_delete", {"refs/heads/topic a -"}},
      {gitlab(), "Tag Push Hook", "gitlab_tag_push", {"refs/tags/v1 - b"}},
      {gitlab(), "Release Hook", "gitlab_release", {"refs/tags/v2 - -"}},
      {gitlab(),
       "Merge Request Hook",
       "gitlab_merge_request",
       {"refs/merge-requests/7/head a b", "refs/merge-requests/7/merge - -"}},
      {gitlab(), "System Hook", "gitlab_push", {"refs/heads/main a b"}},
      {gitlab(), "System Hook", "gitlab_tag_push", {"refs/tags/v1 - b"}},
      {gitlab(),
       "System Hook",
       "gitlab_merge_request",
       {"refs/merge-requests/7/head a b", "refs/merge-requests/7/merge - -"}},
      {gitlab(),
       "System Hook",
       "gitlab_repository_update",
       {"refs/heads/main a b", "refs/tags/v1 - b", "refs/heads/topic a -"}},
      {bitbucket(),
       "repo:push",
       "bitbucket_repo_push",
       {"refs/heads/main a b", "refs/tags/v1 - b", "refs/heads/topic/old a -"}},
      {bitbucket(),
       "repo:refs_changed",
       "bitbucket_refs_changed",
       {"refs/heads/main a b", "refs/tags/v1 - b", "refs/heads/topic/old a -"}},
      {bitbucket(),
       "mirror:repo_synchronized",
       "bitbucket_refs_changed",
       {"refs/heads/main a b", "refs/tags/v1 - b", "refs/heads/topic/old a -"}},
      {bitbucket(),
       "pr:from_ref_updated",
       "bitbucket_pull_request",
       {"refs/pull-requests/7/from a b", "refs/pull-requests/7/merge - -"}},
      {generic(), "", "generic_push", {"refs/heads/main - b"}},
  };
  for (const Case& one : cases) {
    const auto delivery = read(one.forge, one.event, one.name);
    EXPECT_EQ(changes(delivery), one.changes) << one.name;
    EXPECT_TRUE(delivery && delivery->kind == Kind::refs_changed) << one.name;
  }
}

TEST(RecordedPayloads, SayWhichRepositoryTheyMean) {
  struct Case {
    const Forge& forge;
    std::string event;
    std::string name;
    Texts urls;
    Texts full_names;
  };
  const std::vector<Case> cases = {
      {github(),
       "push",
       "github_push",
       {"https://github.com/acme/docs.git", "git@github.com:acme/docs.git",
        "https://github.com/acme/docs", "git://github.com/acme/docs.git"},
       {"acme/docs"}},
      {gitea(),
       "push",
       "gitea_push",
       {"https://git.example.com/acme/docs.git", "ssh://git@git.example.com:2222/acme/docs.git",
        "https://git.example.com/acme/docs"},
       {"acme/docs"}},
      {gitlab(),
       "Push Hook",
       "gitlab_push",
       {"https://gitlab.example.com/acme/docs.git", "git@gitlab.example.com:acme/docs.git",
        "https://gitlab.example.com/acme/docs", "https://gitlab.example.com/acme/docs.git",
        "git@gitlab.example.com:acme/docs.git", "https://gitlab.example.com/acme/docs"},
       {"acme/docs"}},
      {gitlab(), "System Hook", "gitlab_project_update", {}, {"acme/docs"}},
      {bitbucket(),
       "repo:push",
       "bitbucket_repo_push",
       {"https://bitbucket.org/acme/docs"},
       {"acme/docs"}},
      {bitbucket(),
       "repo:refs_changed",
       "bitbucket_refs_changed",
       {"ssh://git@bitbucket.example.com:7999/acme/docs.git",
        "https://bitbucket.example.com/scm/acme/docs.git"},
       {"ACME/docs"}},
      {bitbucket(),
       "pr:opened",
       "bitbucket_pull_request",
       {"ssh://git@bitbucket.example.com:7999/acme/docs.git",
        "https://bitbucket.example.com/scm/acme/docs.git"},
       {"ACME/docs"}},
      {generic(), "", "generic_push", {"https://git.example.com/acme/docs.git"}, {}},
  };
  for (const Case& one : cases) {
    const auto delivery = read(one.forge, one.event, one.name);
    ASSERT_TRUE(delivery) << one.name << ": " << delivery.error().message;
    EXPECT_EQ(delivery->repository.urls, one.urls) << one.name;
    EXPECT_EQ(delivery->repository.full_names, one.full_names) << one.name;
  }
}

TEST(Forges, KeepNoPasswordOfTheUrlsInAPayload) {
  const std::string url = "https://ann:hunter2@git.example.com/acme/docs.git";
  const auto pushed = read_delivery(github(), "push",
                                    R"({"ref":"refs/heads/main","repository":{)"
                                    R"("full_name":"acme/docs","clone_url":")" +
                                        url + R"("}})");
  ASSERT_TRUE(pushed.has_value()) << pushed.error().message;
  EXPECT_THAT(pushed->repository.urls, ElementsAre("https://***@git.example.com/acme/docs.git"));
  const auto signed_by_a_script =
      read_delivery(generic(), "", R"({"repository":")" + url + R"("})");
  ASSERT_TRUE(signed_by_a_script.has_value());
  EXPECT_THAT(signed_by_a_script->repository.own_names,
              ElementsAre("https://***@git.example.com/acme/docs.git"));
}

TEST(RecordedPayloads, SayTheDefaultBranchWhereTheForgeDoes) {
  for (const auto& [forge, event, name] :
       {std::tuple(&github(), "push", "github_push"), std::tuple(&gitea(), "push", "gitea_push"),
        std::tuple(&gitlab(), "Push Hook", "gitlab_push")}) {
    EXPECT_EQ(read(*forge, event, name)->default_branch, RefName("refs/heads/main")) << name;
  }
}

TEST(RecordedPayloads, OfPingsAreAnsweredWhateverIsInThem) {
  EXPECT_EQ(read(github(), "ping", "github_ping")->kind, Kind::ping);
  EXPECT_EQ(read(bitbucket(), "diagnostics:ping", "bitbucket_ping")->kind, Kind::ping);
  EXPECT_EQ(read_delivery(generic(), "", R"({"ping":true})")->kind, Kind::ping);
}

TEST(RecordedPayloads, OfRenamedRepositoriesSayBothNames) {
  struct Case {
    const Forge& forge;
    std::string event;
    std::string name;
    std::string former;
  };
  for (const Case& one : std::vector<Case>{
           {github(), "repository", "github_repository_renamed", "acme/manual"},
           {gitlab(), "System Hook", "gitlab_project_rename", "acme/manual"},
           {bitbucket(), "repo:updated", "bitbucket_repo_updated", "acme/manual"},
           {bitbucket(), "repo:modified", "bitbucket_modified", "ACME/manual"},
       }) {
    const auto delivery = read(one.forge, one.event, one.name);
    ASSERT_TRUE(delivery) << one.name << ": " << delivery.error().message;
    EXPECT_EQ(delivery->kind, Kind::repository_changed) << one.name;
    EXPECT_THAT(delivery->former.full_names, ElementsAre(one.former)) << one.name;
  }
  EXPECT_THAT(read(bitbucket(), "repo:updated", "bitbucket_repo_updated")->former.urls,
              ElementsAre("https://bitbucket.org/acme/manual"));
}

TEST(RecordedPayloads, OfOtherChangesOfTheRepositoryConcernAnyRef) {
  for (const auto& [forge, event, name] :
       {std::tuple(&github(), "repository", "github_repository_edited"),
        std::tuple(&gitlab(), "System Hook", "gitlab_project_update")}) {
    const auto delivery = read(*forge, event, name);
    ASSERT_TRUE(delivery) << name;
    EXPECT_EQ(delivery->kind, Kind::repository_changed) << name;
    EXPECT_TRUE(delivery->former.empty()) << name;
  }
}

TEST(Forges, IgnoreEventsThatChangeNoRef) {
  for (const auto& [forge, event] :
       {std::pair(&github(), "issues"), std::pair(&gitea(), "issue_comment"),
        std::pair(&gitlab(), "Pipeline Hook"), std::pair(&bitbucket(), "pullrequest:created"),
        std::pair(&bitbucket(), "pr:comment:added")}) {
    const auto delivery = read_delivery(*forge, event, "{}");
    ASSERT_TRUE(delivery) << event;
    EXPECT_EQ(delivery->kind, Kind::ignored) << event;
    EXPECT_NE(delivery->reason, "") << event;
  }
  const auto system = read_delivery(gitlab(), "System Hook", R"({"event_name":"user_create"})");
  ASSERT_TRUE(system);
  EXPECT_EQ(system->kind, Kind::ignored);
  const auto approved = read_delivery(
      gitlab(), "Merge Request Hook",
      with(payload("gitlab_merge_request"), R"("action": "update")", R"("action": "approved")"));
  ASSERT_TRUE(approved);
  EXPECT_EQ(approved->kind, Kind::ignored);
}

TEST(Forges, NeedTheirEventHeader) {
  for (const Forge* forge : all_forges()) {
    const auto delivery = read_delivery(*forge, "", "{}");
    EXPECT_EQ(delivery.has_value(), forge->event_headers.empty()) << forge->name;
    EXPECT_TRUE(delivery ||
                delivery.error().message.find(forge->event_headers[0]) != std::string::npos)
        << forge->name;
  }
}

TEST(Forges, RefusePayloadsThatMissAFieldAndNameIt) {
  struct Case {
    const Forge& forge;
    std::string event;
    std::string body;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {gitea(), "push", "{}", "ref is missing"},
      {gitlab(), "Push Hook", R"({"project":7})", "project is not an object"},
      {gitlab(), "Push Hook", R"({"project":{}})", "ref is missing"},
      {gitlab(), "Push Hook", R"({"project":{"web_url":7}})", "web_url is not a text"},
      {gitlab(), "Push Hook", R"({"ref":"refs/heads/x","after":"x"})", "after is not a full"},
      {gitlab(), "System Hook", "{}", "event_name is missing"},
      {gitlab(), "System Hook", R"({"event_name":7})", "event_name is not a text"},
      {gitlab(), "System Hook", R"({"event_name":"repository_update","changes":[7]})",
       "ref is missing"},
      {gitlab(), "System Hook", R"({"event_name":"project_rename","path_with_namespace":"a/b"})",
       "old_path_with_namespace is missing"},
      {gitlab(), "Merge Request Hook", R"({"object_attributes":{"action":"open"}})",
       "iid is not the number"},
      {bitbucket(), "repo:push", "{}", "push.changes is not a list"},
      {bitbucket(), "repo:push", R"({"push":{"changes":[{"new":null,"old":null}]}})",
       "type is missing"},
      {bitbucket(), "repo:push", R"({"push":{"changes":[{"new":{"type":"branch","name":"a b"}}]}})",
       "name is not a ref name"},
      {bitbucket(), "repo:refs_changed", "{}", "changes is not a list"},
      {bitbucket(), "repo:refs_changed", R"({"changes":[{"ref":"x"}]})", "id is missing"},
      {bitbucket(), "repo:refs_changed", R"({"repository":[],"changes":[]})",
       "repository is not an object"},
      {bitbucket(), "pr:opened", R"({"pullRequest":{"id":"7"}})", "pullRequest.id is not the"},
      {generic(), "", R"({"repository":7})", "repository is not a text"},
      {generic(), "", R"({"repository":"x","ref":7})", "ref is not a text"},
      {generic(), "", R"({"repository":"x","ref":"a b"})", "ref is not a ref name"},
      {generic(), "", R"({"repository":"x","commit":"abc"})", "commit is not a full object id"},
  };
  for (const Case& one : cases) {
    const auto delivery = read_delivery(one.forge, one.event, one.body);
    ASSERT_FALSE(delivery) << one.body;
    EXPECT_EQ(delivery.error().error_class, ErrorClass::protocol);
    EXPECT_THAT(delivery.error().message, HasSubstr(one.reason)) << one.body;
  }
}

TEST(Forges, TakeAPushOfMoreRefsThanTheyListForAChangeOfAnyRef) {
  const auto none = read_delivery(bitbucket(), "repo:push", R"({"push":{"changes":[]}})");
  EXPECT_TRUE(none && none->kind == Kind::repository_changed);
  const auto cut =
      read_delivery(bitbucket(), "mirror:repo_synchronized",
                    with(payload("bitbucket_refs_changed"), "{", R"({"refLimitExceeded":true,)"));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->kind, Kind::repository_changed);
  EXPECT_EQ(cut->changes.size(), 3U);

  std::string many = R"({"repository":{"full_name":"a/b"},"push":{"changes":[)";
  for (int i = 0; i < 1500; ++i) {
    many += R"({"new":{"type":"tag","name":"v)" + std::to_string(i) + R"("}},)";
  }
  many.back() = ']';
  const auto bounded = read_delivery(bitbucket(), "repo:push", many + "}}");
  ASSERT_TRUE(bounded) << bounded.error().message;
  EXPECT_EQ(bounded->kind, Kind::repository_changed);
  EXPECT_EQ(bounded->changes.size(), 1000U);
}

TEST(GenericPayloads, NameRefsInFullOrShortOrNotAtAll) {
  const auto of = [](const std::string& members) {
    return read_delivery(generic(), "", R"({"repository":"docs",)" + members + "}");
  };
  EXPECT_THAT(changes(of(R"("ref":"main","commit":")" + kB + "\"")),
              ElementsAre("refs/heads/main - b", "refs/tags/main - -"));
  EXPECT_THAT(changes(of(R"("ref":"refs/tags/v1","commit":null)")),
              ElementsAre("refs/tags/v1 - -"));
  for (const char* none : {R"("ref":null)", R"("ref":"")", R"("x":1)", R"("ref":"HEAD")"}) {
    const auto any = of(none);
    ASSERT_TRUE(any) << none;
    EXPECT_EQ(any->kind, Kind::repository_changed) << none;
    EXPECT_THAT(any->repository.own_names, ElementsAre("docs"));
  }
}

http::Headers with_headers(const std::vector<std::string>& names) {
  http::Headers headers;
  for (const std::string& name : names) {
    headers.add(name, "of " + name);
  }
  return headers;
}

TEST(Forges, AreGuessedInTheOrderThatTellsRelativesApart) {
  const Texts all = {"X-GitHub-Event", "X-Gogs-Event", "X-Gitea-Event", "X-Forgejo-Event"};
  EXPECT_EQ(guess_forge(with_headers(all)), &gitea());
  EXPECT_EQ(event_of(gitea(), with_headers(all)), "of X-Forgejo-Event");
  EXPECT_EQ(guess_forge(with_headers({"X-GitHub-Event", "X-Gogs-Event"})), &gitea());
  EXPECT_EQ(guess_forge(with_headers({"X-GitHub-Event"})), &github());
  EXPECT_EQ(guess_forge(with_headers({"X-Gitlab-Event"})), &gitlab());
  EXPECT_EQ(guess_forge(with_headers({"X-Event-Key"})), &bitbucket());
  EXPECT_EQ(guess_forge(with_headers({"X-Signature-256"})), &generic());
  EXPECT_EQ(guess_forge(with_headers({"Content-Type"})), nullptr);
}

TEST(DeliveryIds, StandInTheHeaderOfTheForge) {
  const auto id = [](const Forge& forge, const Texts& names) {
    return delivery_id_of(forge, with_headers(names)).value_or("none").substr(3);
  };
  EXPECT_EQ(id(gitea(), {"X-GitHub-Delivery", "X-Gitea-Delivery"}), "X-Gitea-Delivery");
  EXPECT_EQ(id(gitea(), {"X-Gogs-Delivery"}), "X-Gogs-Delivery");
  EXPECT_EQ(id(gitlab(), {"X-Gitlab-Event-UUID", "webhook-id", "Idempotency-Key"}),
            "Idempotency-Key");
  EXPECT_EQ(id(gitlab(), {"X-Gitlab-Event-UUID", "webhook-id"}), "webhook-id");
  EXPECT_EQ(id(gitlab(), {"X-Gitlab-Event-UUID"}), "X-Gitlab-Event-UUID");
  EXPECT_EQ(id(bitbucket(), {"X-Request-UUID"}), "X-Request-UUID");
  EXPECT_EQ(id(bitbucket(), {"X-Request-Id"}), "X-Request-Id");
  EXPECT_EQ(id(generic(), {"X-Delivery-ID"}), "X-Delivery-ID");
}

}  // namespace
}  // namespace freshet::webhook
