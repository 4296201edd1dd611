#include "app/saved_request.h"

#include <gtest/gtest.h>

namespace freshet::app {
namespace {

TEST(SavedRequests, AreABodyAlone) {
  for (const char* body : {"{\"ref\":1}", "", "{\n\"a\": 1,\n\n\"b\": 2}", "\n\n", "A: b", "x\n\ny",
                           "POST  HTTP/1.1\n\n{}"}) {
    const SavedRequest request = read_saved_request(body);
    EXPECT_EQ(request.body, body);
    EXPECT_TRUE(request.headers.all().empty());
    EXPECT_EQ(request.path, "");
  }
}

TEST(SavedRequests, AreAHeadAndABodyWithEitherLineEnd) {
  for (const std::string end : {"\n", "\r\n"}) {
    const SavedRequest request = read_saved_request(
        "POST /api/v1/webhooks/github/docs?x=1 HTTP/1.1" + end + "X-GitHub-Event: push" + end +
        "Host:example.org" + end + end + "{}\n\n");
    EXPECT_EQ(request.path, "/api/v1/webhooks/github/docs");
    EXPECT_EQ(request.headers.find("x-github-event"), "push");
    EXPECT_EQ(request.headers.find("host"), "example.org");
    EXPECT_EQ(request.body, "{}\n\n");
  }
}

TEST(SavedRequests, MayBeginWithAFieldThatSpeaksOfHttp) {
  const SavedRequest request = read_saved_request("Via: my proxy HTTP/1.1\nX-A: b\n\n{}");
  EXPECT_EQ(request.path, "");
  EXPECT_EQ(request.headers.find("Via"), "my proxy HTTP/1.1");
  EXPECT_EQ(request.headers.find("X-A"), "b");
  EXPECT_EQ(request.body, "{}");
}

TEST(SavedRequests, MayHaveTheLinesThatABrowserShows) {
  const SavedRequest request =
      read_saved_request("Request URL: https://a.example/x\nX-GitHub-Event: push\n\n{}");
  EXPECT_EQ(request.headers.find("X-GitHub-Event"), "push");
  EXPECT_EQ(request.body, "{}");
}

TEST(Headers, AreANameAColonAndAValue) {
  const auto header = read_header(" X-A :  b: c ");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->first, "X-A");
  EXPECT_EQ(header->second, "b: c");
  for (const char* wrong : {"", ":", "nonsense", "{\"a\": 1}", " : b"}) {
    EXPECT_FALSE(read_header(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace freshet::app
