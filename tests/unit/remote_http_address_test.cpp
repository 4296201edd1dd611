#include "remote/http_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace freshet;
using namespace freshet::remote;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

HttpAddress address(std::string_view url) {
  auto result = parse_address(url);
  EXPECT_TRUE(result.has_value()) << url;
  return result.value_or(HttpAddress{});
}

HttpRequest with_token() {
  HttpRequest request;
  request.authorization = Secret("Bearer hunter2");
  return request;
}

}  // namespace

TEST(HttpAddress, IsReadWithItsDefaultsAndWithoutAFragment) {
  const HttpAddress github = address("HTTPS://GitHub.com/acme/docs.git#readme");
  EXPECT_TRUE(github.secure);
  EXPECT_EQ(github.host, "github.com");
  EXPECT_EQ(github.port, "443");
  EXPECT_EQ(github.name(), "github.com");
  EXPECT_THAT(github.url, Not(HasSubstr("#")));
  const HttpAddress other = address("http://[::1]:8080/");
  EXPECT_FALSE(other.secure);
  EXPECT_EQ(other.host, "[::1]");
  EXPECT_EQ(other.name(), "[::1]:8080");
  EXPECT_EQ(address("http://a.example:443/").name(), "a.example:443");
  EXPECT_EQ(address("http://a\xa8.example/").name(), "a\\xa8.example");
  const std::string endless = address("http://" + std::string(60'000, 'a') + ".example:81/").name();
  EXPECT_LT(endless.size(), 200U);
  EXPECT_TRUE(endless.ends_with(":81")) << endless;
}

TEST(HttpAddress, HasOneKeyForEachPlaceThatConnectionsLeadTo) {
  EXPECT_EQ(address("https://a.example/x").key(), address("https://A.example:443/y?z").key());
  EXPECT_NE(address("https://a.example/").key(), address("http://a.example:443/").key());
  EXPECT_NE(address("https://a.example/").key(), address("https://a.example:8443/").key());
}

TEST(HttpAddress, RefusesWhatIsNoHttpOrHoldsASecretWithoutRepeatingIt) {
  for (const char* url : {"", "x", "docs.git", "ssh://git@a.example/x", "file:///etc/passwd",
                          "https://", "https://a b.example/", "https://ann:hunter2@a.example/",
                          "https://hunter2@a.example/", "https://a.example:99999/"}) {
    const auto result = parse_address(url);
    ASSERT_FALSE(result.has_value()) << url;
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
    EXPECT_THAT(result.error().message, Not(HasSubstr("hunter2")));
  }
}

TEST(Redirect, WithCredentialsGoesNoFurtherThanTheSamePlace) {
  struct Case {
    const char* from;
    const char* location;
    bool followed;
  };
  const std::array cases{
      Case{"https://a.example/x", "/y", true},
      Case{"https://a.example/x", "y", true},
      Case{"https://a.example/x", "https://A.EXAMPLE:443/y", true},
      Case{"http://a.example/x", "https://a.example/y", true},
      Case{"http://a.example:8080/x", "https://a.example/y", false},
      Case{"http://a.example/x", "https://a.example:8443/y", false},
      Case{"https://a.example/x", "https://a.example:8443/y", false},
      Case{"https://a.example/x", "https://b.example/y", false},
      Case{"https://a.example/x", "//b.example/y", false},
      Case{"https://a.example/x", "https://a.example@b.example/y", false},
      Case{"https://a.example/x", "https://a.example.b.example/y", false},
      Case{"https://a.example/x", "https://sub.a.example/y", false},
      Case{"https://a.example/x", "https:\\\\b.example/y", false},
      Case{"https://a.example/x", "http://a.example/y", false},
  };
  for (const Case& each : cases) {
    const auto result = judge_redirect(with_token(), address(each.from), 302, each.location, 0);
    EXPECT_EQ(result.has_value() && result->next == Redirection::Next::follow, each.followed)
        << each.from << " -> " << each.location;
    if (!result) {
      EXPECT_EQ(result.error().error_class, ErrorClass::protocol);
      EXPECT_THAT(result.error().message, Not(HasSubstr("hunter2")));
    }
  }
}

TEST(Redirect, OnlyWellKnownHeadersGoToAnotherHost) {
  const HttpAddress from = address("https://a.example/x");
  for (const auto& [name, harmless] :
       {std::pair("Git-Protocol", true), std::pair("ACCEPT", true), std::pair("Cookie", false),
        std::pair("Private-Token", false), std::pair("X-Anything", false)}) {
    HttpRequest request;
    request.headers = {{name, "value"}};
    EXPECT_EQ(judge_redirect(request, from, 302, "https://b.example/", 0).has_value(), harmless)
        << name;
    EXPECT_TRUE(judge_redirect(request, from, 302, "/y", 0).has_value()) << name;
  }
}

TEST(Redirect, NeverGoesFromHttpsToHttpNorToAnotherScheme) {
  for (const char* location :
       {"http://a.example/", "http://b.example/", "ftp://a.example/", "file:///etc/passwd"}) {
    const auto result =
        judge_redirect(HttpRequest(), address("https://a.example/"), 301, location, 0);
    ASSERT_FALSE(result.has_value()) << location;
    EXPECT_EQ(result.error().error_class, ErrorClass::protocol);
  }
}

TEST(Redirect, DropsUserAndPassword) {
  const auto result = judge_redirect(HttpRequest(), address("https://a.example/"), 301,
                                     "https://ann:pw@b.example/x", 0);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->to.url, "https://b.example/x");
}

TEST(Redirect, IsTheReplyWhereItCannotBeFollowedAsItIs) {
  const HttpAddress from = address("https://a.example/");
  HttpRequest post;
  post.method = "POST";
  for (const int status : {301, 302, 303}) {
    EXPECT_EQ(judge_redirect(post, from, status, "/y", 0)->next, Redirection::Next::reply);
  }
  for (const int status : {307, 308}) {
    EXPECT_EQ(judge_redirect(post, from, status, "/y", 0)->next, Redirection::Next::follow);
  }
  for (const int status : {200, 300, 304, 305, 401, 500}) {
    EXPECT_EQ(judge_redirect(HttpRequest(), from, status, "/y", 0)->next, Redirection::Next::reply);
  }
  EXPECT_EQ(judge_redirect(HttpRequest(), from, 302, "", 0)->next, Redirection::Next::reply);
}

TEST(Redirect, EndsAfterFive) {
  const HttpAddress from = address("https://a.example/");
  EXPECT_TRUE(judge_redirect(HttpRequest(), from, 302, "/y", 4).has_value());
  EXPECT_FALSE(judge_redirect(HttpRequest(), from, 302, "/y", 5).has_value());
}
