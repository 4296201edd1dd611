#include "admin/status_page.h"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/hmac.h"

namespace freshet::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [field, value] : response.headers) {
    if (field == name) {
      return value;
    }
  }
  return "";
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

std::string hash_source(const std::string& content) {
  const Sha256 digest = sha256(content);
  return "'sha256-" + to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) +
         "'";
}

TEST(StatusPage, IsOneDocumentWithItsStyleAndScript) {
  const http::Response response = StatusPage().show();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(response.body, Not(HasSubstr("{{")));
  EXPECT_FALSE(between(response.body, "<style>", "</style>").empty());
  EXPECT_FALSE(between(response.body, "<script type=\"module\">", "</script>").empty());
}

TEST(StatusPage, AllowsTheScriptAndStyleThatItHoldsAndNoOther) {
  const http::Response response = StatusPage().show();
  const std::string style = between(response.body, "<style>", "</style>");
  const std::string script = between(response.body, "<script type=\"module\">", "</script>");
  EXPECT_EQ(header(response, "Content-Security-Policy"),
            "default-src 'none'; script-src " + hash_source(script) + "; style-src " +
                hash_source(style) +
                "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'");
}

TEST(StatusPage, LoadsNothingFromElsewhere) {
  const std::string body = StatusPage().show().body;
  EXPECT_THAT(body, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(body, Not(HasSubstr("href=\"http")));
  EXPECT_THAT(body, Not(HasSubstr("@import")));
  EXPECT_THAT(body, Not(HasSubstr("innerHTML")));
}

}  // namespace
}  // namespace freshet::admin
