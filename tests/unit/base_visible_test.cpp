#include "base/visible.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace freshet {
namespace {

TEST(Visible, LeavesOrdinaryTextOfAnyLanguageAlone) {
  for (const char* text : {"", "refs/heads/main", "a\\b \"c\"", "Größe", "日本語", "🌊"}) {
    EXPECT_EQ(visible(text), text);
    EXPECT_EQ(visible_json(text), text);
  }
}

TEST(Visible, ShowsControlCharactersByTheirNumber) {
  EXPECT_EQ(visible("\x1b[31mpu\x07sh\n"), "\\x1b[31mpu\\x07sh\\x0a");
  EXPECT_EQ(visible(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(visible("\u009b2J"), "U+009B2J");
}

TEST(Visible, ShowsMarksThatTurnTheDirectionOfWriting) {
  EXPECT_EQ(visible("a\u202eb\u2066c\u200fd\u202a\u2069\u200e"),
            "aU+202EbU+2066cU+200FdU+202AU+2069U+200E");
}

TEST(Visible, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(visible("a\x9b"
                    "b"),
            "a\\x9bb");
  EXPECT_EQ(visible("\xc0\x9b"), "\\xc0\\x9b") << "an overlong form";
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(visible("\xe2\x80"), "\\xe2\\x80") << "an end in the middle";
}

TEST(VisibleJson, StaysTheSameJson) {
  const Json json = Json::object({{"ref", "\u009b2J\u202e\x7f\x1b"}});
  const std::string text = visible_json(json.dump());
  EXPECT_EQ(text, R"({"ref":"\u009b2J\u202e\u007f\u001b"})");
  EXPECT_EQ((*Json::parse(text))["ref"].text(), json["ref"].text());
}

}  // namespace
}  // namespace freshet
