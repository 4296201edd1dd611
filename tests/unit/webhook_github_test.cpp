#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');
const std::string kZero(40, '0');
const std::string kRepository =
    R"("repository":{"id":7,"full_name":"acme/docs","clone_url":"https://github.com/acme/docs.git",)"
    R"("ssh_url":"git@github.com:acme/docs.git","html_url":"https://github.com/acme/docs",)"
    R"("git_url":"git://github.com/acme/docs.git","default_branch":"main"})";

Result<Delivery> read(const std::string& event, const std::string& members) {
  return read_delivery(github(), event, "{" + members + "}");
}

/// "REF before after" of each change, "-" for what is not known.
std::vector<std::string> changes(const Result<Delivery>& delivery) {
  if (!delivery) {
    return {"error: " + delivery.error().message};
  }
  std::vector<std::string> result;
  for (const RefChange& change : delivery->changes) {
    const auto text = [](const std::optional<ObjectId>& id) {
      return id ? id->hex().substr(0, 1) : "-";
    };
    result.push_back(change.ref.text() + " " + text(change.before) + " " + text(change.after));
  }
  return result;
}

std::string push(const std::string& ref, const std::string& before, const std::string& after,
                 const std::string& more = "") {
  return R"("ref":")" + ref + R"(","before":")" + before + R"(","after":")" + after + "\"," + more +
         kRepository;
}

TEST(GitHubEvents, APushNamesItsRefAndCommits) {
  const auto delivery = read("push", push("refs/heads/main", kOld, kNew));
  EXPECT_THAT(changes(delivery), ElementsAre("refs/heads/main a b"));
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->kind, Delivery::Kind::refs_changed);
  EXPECT_THAT(delivery->repository.urls,
              ElementsAre("https://github.com/acme/docs.git", "git@github.com:acme/docs.git",
                          "https://github.com/acme/docs", "git://github.com/acme/docs.git"));
  EXPECT_THAT(delivery->repository.full_names, ElementsAre("acme/docs"));
}

TEST(GitHubEvents, APushMakesAndDeletesRefs) {
  EXPECT_THAT(changes(read("push", push("refs/tags/v1", kZero, kNew))),
              ElementsAre("refs/tags/v1 - b"));
  EXPECT_THAT(changes(read("push", push("refs/heads/x", kOld, kZero, R"("deleted":true,)"))),
              ElementsAre("refs/heads/x a -"));
  EXPECT_THAT(changes(read("push", push("refs/heads/x", kOld, kZero))),
              ElementsAre("refs/heads/x a -"));
  EXPECT_THAT(changes(read("push", push("refs/heads/x", kOld, kNew, R"("deleted":true,)"))),
              ElementsAre("refs/heads/x a -"));
  EXPECT_THAT(changes(read("push", R"("ref":"refs/heads/x","after":null,)" + kRepository)),
              ElementsAre("refs/heads/x - -"));
  EXPECT_THAT(
      changes(read("push", push("refs/heads/x", std::string(64, '0'), std::string(64, 'C')))),
      ElementsAre("refs/heads/x - c"));
}

TEST(GitHubEvents, CreateAndDeleteSayTheShortName) {
  for (const char* event : {"create", "delete"}) {
    EXPECT_THAT(changes(read(event, R"("ref":"topic/x","ref_type":"branch",)" + kRepository)),
                ElementsAre("refs/heads/topic/x - -"));
    EXPECT_THAT(changes(read(event, R"("ref":"v1","ref_type":"tag",)" + kRepository)),
                ElementsAre("refs/tags/v1 - -"));
    EXPECT_THAT(changes(read(event, R"("ref":"refs/tags/v1","ref_type":"tag",)" + kRepository)),
                ElementsAre("refs/tags/v1 - -"));
  }
  const auto created = read("create", R"("ref":null,"ref_type":"repository",)" + kRepository);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->kind, Delivery::Kind::repository_changed);
}

TEST(GitHubEvents, AReleaseSpeaksOfItsTag) {
  EXPECT_THAT(changes(read("release",
                           R"("action":"published","release":{"tag_name":"v2"},)" + kRepository)),
              ElementsAre("refs/tags/v2 - -"));
}

TEST(GitHubEvents, APullRequestMovesItsHeadAndMergeRefs) {
  const std::string rest =
      R"(,"number":7,"pull_request":{"head":{"sha":")" + kNew + R"("}},)" + kRepository;
  for (const char* action : {"opened", "reopened", "closed", "edited"}) {
    EXPECT_THAT(changes(read("pull_request", R"("action":")" + std::string(action) + "\"" + rest)),
                ElementsAre("refs/pull/7/head - b", "refs/pull/7/merge - -"))
        << action;
  }
  EXPECT_THAT(
      changes(read("pull_request", R"("action":"synchronize","before":")" + kOld + "\"" + rest)),
      ElementsAre("refs/pull/7/head a b", "refs/pull/7/merge - -"));
  const auto labeled = read("pull_request", R"("action":"labeled")" + rest);
  ASSERT_TRUE(labeled);
  EXPECT_EQ(labeled->kind, Delivery::Kind::ignored);
}

TEST(GitHubEvents, ARenamedRepositoryIsKnownByBothNames) {
  const auto renamed = read("repository", R"("action":"renamed","changes":{"repository":)"
                                          R"({"name":{"from":"manual"}}},)" +
                                              kRepository);
  ASSERT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(renamed->kind, Delivery::Kind::repository_changed);
  EXPECT_THAT(renamed->repository.full_names, ElementsAre("acme/docs"));
  EXPECT_THAT(renamed->former.full_names, ElementsAre("acme/manual"));
  EXPECT_THAT(renamed->former.urls,
              ElementsAre("https://github.com/acme/manual", "git@github.com:acme/manual",
                          "https://github.com/acme/manual", "git://github.com/acme/manual"));
}

TEST(GitHubEvents, ATransferredRepositoryIsKnownByBothOwners) {
  for (const char* kind : {"user", "organization"}) {
    const auto moved =
        read("repository", R"("action":"transferred","changes":{"owner":{"from":{")" +
                               std::string(kind) + R"(":{"login":"old"}}}},)" + kRepository);
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_THAT(moved->former.full_names, ElementsAre("old/docs"));
  }
}

TEST(GitHubEvents, ADefaultBranchThatChangedConcernsAnyRef) {
  const auto edited = read("repository", R"("action":"edited","changes":{"default_branch":)"
                                         R"({"from":"master"}},)" +
                                             kRepository);
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->kind, Delivery::Kind::repository_changed);
}

TEST(GitHubEvents, OthersAreIgnoredForAReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"issues", R"("action":"opened",)" + kRepository},
      {"star", ""},
      {"Push", kRepository},
      {"repository", R"("action":"archived",)" + kRepository},
      {"repository", R"("action":"edited","changes":{"description":{"from":"x"}},)" + kRepository},
      {"create", R"("ref":"x","ref_type":"note",)" + kRepository},
  };
  for (const auto& [event, members] : cases) {
    const auto delivery = read(event, members);
    ASSERT_TRUE(delivery) << event;
    EXPECT_EQ(delivery->kind, Delivery::Kind::ignored) << event;
    EXPECT_NE(delivery->reason, "") << event;
  }
}

TEST(GitHubEvents, APingNeedsNothingButAnObject) {
  const auto ping = read("ping", R"("zen":"Keep it logically awesome.")");
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->kind, Delivery::Kind::ping);
}

TEST(GitHubPayloads, ThatCannotBeReadNameTheFieldAndNotItsValue) {
  struct Case {
    std::string event;
    std::string body;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"push", "", "not JSON"},
      {"push", "{", "not JSON"},
      {"push", "\xff\xfe", "not JSON"},
      {"push", "payload=%7B%7D", "not JSON"},
      {"ping", std::string(100'000, '['), "nested too deeply"},
      {"push", R"({"x":)" + std::string(70, '[') + std::string(70, ']') + "}", "nested too deeply"},
      {"push", "[]", "not a JSON object"},
      {"ping", "\"ping\"", "not a JSON object"},
      {"push", "null", "not a JSON object"},
      {"", "{}", "X-GitHub-Event"},
      {"push", "{" + kRepository + "}", "ref is missing"},
      {"push", R"({"ref":7,)" + kRepository + "}", "ref is not a text"},
      {"push", R"({"ref":"main",)" + kRepository + "}", "ref is not a ref name"},
      {"push", R"({"ref":"HEAD",)" + kRepository + "}", "ref is not a ref name"},
      {"push", R"({"ref":"refs/heads/../x",)" + kRepository + "}", "ref is not a ref name"},
      {"push", R"({"ref":"refs/heads/x","repository":"acme/docs"})", "repository is not an object"},
      {"push", R"({"ref":"refs/heads/x","repository":{"clone_url":5}})", "clone_url is not a text"},
      {"push", R"({"ref":"refs/heads/x","repository":{"full_name":[]}})",
       "full_name is not a text"},
      {"push", R"({"ref":"refs/heads/x","after":"abc",)" + kRepository + "}",
       "after is not a full"},
      {"push", R"({"ref":"refs/heads/x","before":1,)" + kRepository + "}", "before is not a text"},
      {"push", R"({"ref":"refs/heads/x","deleted":"yes",)" + kRepository + "}",
       "deleted is neither"},
      {"create", R"({"ref":"x",)" + kRepository + "}", "ref_type is missing"},
      {"create", R"({"ref_type":"tag",)" + kRepository + "}", "ref is missing"},
      {"create", R"({"ref_type":"tag","ref":"a b",)" + kRepository + "}", "ref is not a ref name"},
      {"release", R"({"release":"v1",)" + kRepository + "}", "tag_name is missing"},
      {"repository", R"({"action":"renamed",)" + kRepository + "}", "from is missing"},
      {"repository", R"({"action":"renamed"})", "full_name is missing"},
      {"pull_request", R"({"action":"opened",)" + kRepository + "}", "number is not"},
      {"pull_request", R"({"action":"opened","number":-1,)" + kRepository + "}", "number is not"},
  };
  for (const Case& one : cases) {
    const auto delivery = read_delivery(github(), one.event, one.body);
    ASSERT_FALSE(delivery) << one.body.substr(0, 200);
    EXPECT_EQ(delivery.error().error_class, ErrorClass::protocol);
    EXPECT_THAT(delivery.error().message, HasSubstr(one.reason)) << one.body.substr(0, 200);
  }
}

TEST(DeliveryIds, AreShortPrintableTexts) {
  const auto id = [](const std::string& value) {
    http::Headers headers;
    headers.add("X-Github-Delivery", value);
    return delivery_id_of(github(), headers);
  };
  EXPECT_EQ(id("72d3162e-cc78-11e3-81ab-4c9367dc0958"), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_EQ(id(std::string(500, 'x')), std::string(128, 'x'));
  EXPECT_EQ(id(""), std::nullopt);
  EXPECT_EQ(id("a\x01"
               "b"),
            std::nullopt);
  EXPECT_EQ(id("caf\xc3\xa9"), std::nullopt);
  EXPECT_EQ(delivery_id_of(github(), http::Headers{}), std::nullopt);
}

TEST(Forges, AreFoundByTheNameInTheRoute) {
  EXPECT_EQ(find_forge("github"), &github());
  EXPECT_EQ(find_forge("GitHub"), nullptr);
  EXPECT_EQ(find_forge(""), nullptr);
}

}  // namespace
}  // namespace freshet::webhook
