#include "notify/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "notify/action.h"

namespace freshet::notify {
namespace {

using ::testing::ElementsAre;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');

Publication publication(bool is_first) {
  return {RepositoryName("acme/site"),
          "/srv/site",
          "/srv/.site.freshet/" + kNew,
          RefName("refs/heads/main"),
          is_first ? std::nullopt : ObjectId::parse(kOld),
          *ObjectId::parse(kNew),
          Cause::delivery};
}

TEST(TheVariables, SayWhatWasPublished) {
  EXPECT_THAT(
      variables(publication(false)),
      ElementsAre("FRESHET_REPOSITORY=acme/site", "FRESHET_PATH=/srv/site",
                  "FRESHET_TREE=/srv/.site.freshet/" + kNew, "FRESHET_REF=refs/heads/main",
                  "FRESHET_OLD=" + kOld, "FRESHET_NEW=" + kNew, "FRESHET_TRIGGER=delivery"));
  EXPECT_THAT(variables(publication(true))[4], "FRESHET_OLD=");
}

TEST(TheDocument, SaysTheSameAndWhatChanged) {
  const auto json = Json::parse(document(publication(false), {{"a", "b/c"}, false}));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["repository"].text(), "acme/site");
  EXPECT_EQ((*json)["path"].text(), "/srv/site");
  EXPECT_EQ((*json)["tree"].text(), "/srv/.site.freshet/" + kNew);
  EXPECT_EQ((*json)["ref"].text(), "refs/heads/main");
  EXPECT_EQ((*json)["old"].text(), kOld);
  EXPECT_EQ((*json)["new"].text(), kNew);
  EXPECT_EQ((*json)["trigger"].text(), "delivery");
  ASSERT_EQ((*json)["changed_paths"].items().size(), 2U);
  EXPECT_EQ((*json)["changed_paths"].items()[1].text(), "b/c");
  EXPECT_TRUE((*json)["truncated"].is_null());
}

TEST(TheDocument, SaysWhenThereAreMorePaths) {
  const auto json = Json::parse(document(publication(true), {{"a"}, true}));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["truncated"].boolean(), true);
  EXPECT_EQ((*json)["old"].text(), "");
  EXPECT_FALSE((*json)["old"].is_null());
}

TEST(TheSignature, IsTheOneOfTheStandardsExample) {
  const auto key = signing_key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  ASSERT_TRUE(key);
  EXPECT_EQ(
      signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(ASecret, IsTheKeyItselfWithoutThePrefix) {
  EXPECT_EQ(signing_key(Secret("plain text"))->reveal(), "plain text");
}

TEST(ASecret, ThatIsNoBase64BehindThePrefixIsAnError) {
  for (const char* text : {"whsec_", "whsec_***", "whsec_A"}) {
    const auto key = signing_key(Secret(text));
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().error_class, ErrorClass::config);
    EXPECT_EQ(key.error().message.find("***"), std::string::npos);
  }
}

Action action() {
  Action action;
  action.run = {"/bin/reload", "all"};
  return action;
}

TEST(AnActionsId, IsTheSameUntilWhatItDoesOrWhenChanges) {
  Action same = action();
  same.timeout = Duration(5);
  same.secret_file = "/other";
  EXPECT_EQ(same.id(), action().id());
  Action other = action();
  other.run = {"/bin/reload all"};
  EXPECT_NE(other.id(), action().id());
  other = action();
  other.paths = {"conf/**"};
  EXPECT_NE(other.id(), action().id());
  other = action();
  other.refs = {"conf/**"};
  EXPECT_NE(other.id(), action().id());
}

TEST(AnActionsLabel, KeepsWhatMayBeConfidentialOut) {
  EXPECT_EQ(action().label(), "/bin/reload");
  Action post;
  post.post = "https://ann:password@ci.example/hook?token=abc";
  EXPECT_EQ(post.label().find("password"), std::string::npos);
  EXPECT_EQ(post.label().find("abc"), std::string::npos);
  EXPECT_NE(post.label().find("ci.example/hook"), std::string::npos);
}

TEST(AnAction, WantsTheRefsThatItNames) {
  Action some = action();
  EXPECT_TRUE(some.wants(RefName("refs/heads/x")));
  some.refs = {"refs/heads/main", "refs/tags/v*"};
  EXPECT_TRUE(some.wants(RefName("refs/heads/main")));
  EXPECT_FALSE(some.wants(RefName("refs/heads/main2")));
  EXPECT_TRUE(some.wants(RefName("refs/tags/v1")));
}

TEST(AnAction, WantsChangesOfThePathsThatItNamesOrOfMoreThanIsKnown) {
  Action some = action();
  EXPECT_TRUE(some.wants(ChangedPaths{{}, false}));
  some.paths = {"conf/**", "*.md"};
  EXPECT_FALSE(some.wants(ChangedPaths{{}, false}));
  EXPECT_FALSE(some.wants(ChangedPaths{{"a", "b/c.md"}, false}));
  EXPECT_TRUE(some.wants(ChangedPaths{{"a", "c.md"}, false}));
  EXPECT_TRUE(some.wants(ChangedPaths{{"a"}, true}));
}

}  // namespace
}  // namespace freshet::notify
