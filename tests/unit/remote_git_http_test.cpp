#include "remote/git_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::remote {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

HttpAccess access_to(const std::string& url, const std::string& authorization = "") {
  return {UpstreamUrl::parse(url).value(), Secret(authorization), ""};
}

HttpReply reply(int status, const std::string& type = "text/html") {
  HttpReply result;
  result.status = status;
  result.content_type = type;
  return result;
}

TEST(GitHttp, AsksForTheCapabilitiesInVersion2) {
  const HttpRequest request = greeting_request(access_to("https://example.org/a/b.git/"));
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.url, "https://example.org/a/b.git/info/refs?service=git-upload-pack");
  EXPECT_THAT(request.headers, Contains(Pair("Git-Protocol", "version=2")));
}

TEST(GitHttp, NamesNoUserInTheAddress) {
  EXPECT_EQ(greeting_request(access_to("https://ann@example.org/a@b")).url,
            "https://example.org/a@b/info/refs?service=git-upload-pack");
}

TEST(GitHttp, PostsACommandToThePlaceThatWasLearnt) {
  const HttpRequest request = command_request(access_to("https://example.org/old"),
                                              {"https://example.org/new", {}}, "0000");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://example.org/new/git-upload-pack");
  EXPECT_EQ(request.body, "0000");
  EXPECT_THAT(request.headers, Contains(Pair("Git-Protocol", "version=2")));
  EXPECT_THAT(request.headers,
              Contains(Pair("Content-Type", "application/x-git-upload-pack-request")));
}

TEST(GitHttp, ShowsALoginOnlyWhereItBelongs) {
  struct Row {
    const char* configured;
    const char* learnt;
    const char* asked;
  };
  for (const Row& row : {
           Row{"https://a.org/x", "https://a.org/y", "https://a.org/y"},
           Row{"https://A.org/x", "https://a.org:443/y", "https://a.org:443/y"},
           Row{"http://a.org/x", "https://a.org/y", "https://a.org/y"},
           Row{"https://a.org/x", "https://b.org/x", "https://a.org/x"},
           Row{"https://a.org/x", "https://a.org:8443/x", "https://a.org/x"},
           Row{"https://a.org/x", "http://a.org/x", "https://a.org/x"},
           Row{"https://a.org/x", "https://a.org.b.org/x", "https://a.org/x"},
           Row{"https://a.org/x", "https://a.org@b.org/x", "https://a.org/x"},
       }) {
    EXPECT_EQ(command_request(access_to(row.configured, "Basic eDp5"), {row.learnt, {}}, "").url,
              std::string(row.asked) + "/git-upload-pack")
        << row.learnt;
    EXPECT_EQ(command_request(access_to(row.configured), {row.learnt, {}}, "").url,
              std::string(row.learnt) + "/git-upload-pack");
  }
}

TEST(GitHttp, SortsStatuses) {
  struct Row {
    int status;
    const char* error_class;
    bool refused;
    bool odd;
  };
  for (const Row& row : {Row{401, "auth", true, false}, Row{403, "auth", true, false},
                         Row{404, "not_found", true, true}, Row{410, "not_found", true, true},
                         Row{429, "rate_limited", false, false}, Row{408, "timeout", false, false},
                         Row{500, "protocol", false, false}, Row{502, "network", false, false},
                         Row{503, "network", false, false}, Row{504, "network", false, false},
                         Row{302, "protocol", false, true}, Row{304, "protocol", false, true},
                         Row{400, "protocol", false, true}, Row{415, "protocol", false, true}}) {
    for (const bool has_login : {false, true}) {
      const auto checked = check_reply(reply(row.status), kAnswerType, has_login);
      ASSERT_FALSE(checked) << row.status;
      EXPECT_EQ(to_string(checked.error().error.error_class), row.error_class) << row.status;
      EXPECT_EQ(checked.error().refused, row.refused) << row.status;
      EXPECT_EQ(checked.error().odd, row.odd) << row.status;
      EXPECT_THAT(checked.error().error.message, HasSubstr(std::to_string(row.status)));
    }
  }
}

TEST(GitHttp, HandsOnHowLongToWait) {
  for (const int status : {403, 429, 503}) {
    HttpReply answer = reply(status);
    answer.retry_after = 90s;
    const auto checked = check_reply(answer, kAnswerType, false);
    ASSERT_FALSE(checked);
    EXPECT_EQ(to_string(checked.error().error.error_class), "rate_limited");
    EXPECT_EQ(checked.error().error.retry_after, 90s);
  }
}

TEST(GitHttp, TakesAnAnswerOfTheRightTypeOnly) {
  EXPECT_TRUE(check_reply(reply(200, "application/x-git-upload-pack-result"), kAnswerType, false));
  EXPECT_TRUE(check_reply(reply(200, "Application/X-Git-Upload-Pack-Result ; charset=utf-8"),
                          kAnswerType, false));
  for (const char* type : {"", "text/html", "application/x-git-upload-pack-results",
                           "application/x-git-upload-pack-advertisement"}) {
    const auto checked = check_reply(reply(200, type), kAnswerType, false);
    ASSERT_FALSE(checked) << type;
    EXPECT_EQ(to_string(checked.error().error.error_class), "protocol");
    EXPECT_TRUE(checked.error().odd);
  }
}

TEST(GitHttp, FindsThePlaceBehindARedirect) {
  EXPECT_EQ(place_of("https://b.org/y.git/info/refs?service=git-upload-pack"),
            "https://b.org/y.git");
  EXPECT_EQ(place_of("https://b.org/login?next=/info/refs"), std::nullopt);
  EXPECT_EQ(place_of(""), std::nullopt);
}

TEST(RemoteMemory, KeepsWhatWasLearntUntilItIsForgotten) {
  RemoteMemory memory;
  EXPECT_FALSE(memory.server());
  memory.learn({"https://a.org/x", {true, true, true, true, true, true}});
  ASSERT_TRUE(memory.server());
  EXPECT_EQ(memory.server()->url, "https://a.org/x");
  memory.forget();
  EXPECT_FALSE(memory.server());
}

TEST(RemoteMemory, BelievesForADayThatAServerIsOld) {
  RemoteMemory memory;
  const Instant start{};
  EXPECT_FALSE(memory.speaks_old_only(start));
  memory.learn_old(start);
  EXPECT_TRUE(memory.speaks_old_only(start + 23h));
  EXPECT_FALSE(memory.speaks_old_only(start + 24h));
  memory.learn({"https://a.org/x", {}});
  EXPECT_FALSE(memory.speaks_old_only(start));
}

}  // namespace
}  // namespace freshet::remote
