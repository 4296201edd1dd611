#include "base/base64.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(Base64, EncodesTheExamplesOfRfc4648) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(to_base64url(bytes), text.substr(0, text.find('=')));
    EXPECT_EQ(from_base64(text), bytes);
    EXPECT_EQ(from_base64(text.substr(0, text.find('='))), bytes);
  }
}

TEST(Base64, HasAnotherAlphabetForUrls) {
  EXPECT_EQ(to_base64("\xfb\xff\xbf"), "+/+/");
  EXPECT_EQ(to_base64url("\xfb\xff\xbf"), "-_-_");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"A", "AAAAA", "A===", "AA=", "AAA==", "AA=A", "A A=", "-_-_", "===="}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

TEST(Base64, TakesEveryByte) {
  using namespace std::string_view_literals;
  EXPECT_EQ(from_base64("AAAA"), "\0\0\0"sv);
  EXPECT_EQ(from_base64("/w=="), "\xff");
  EXPECT_EQ(to_base64("\0\0\0"sv), "AAAA");
  EXPECT_EQ(to_base64("\xff"), "/w==");
}

}  // namespace
}  // namespace freshet
