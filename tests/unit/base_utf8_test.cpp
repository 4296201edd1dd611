#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("plain"), 5U);
  EXPECT_EQ(display_width("Grüße"), 5U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);  // an accent of its own
  EXPECT_EQ(display_width("\xff\xfe"), 2U);
}

TEST(CutToWidth, KeepsWholeCharactersAndMarksTheCut) {
  EXPECT_EQ(cut_to_width("plain", 5), "plain");
  EXPECT_EQ(cut_to_width("plain", 4), "pla…");
  EXPECT_EQ(cut_to_width("Grüße", 4), "Grü…");
  EXPECT_EQ(cut_to_width("日本語", 6), "日本語");
  EXPECT_EQ(cut_to_width("日本語", 5), "日本…");
  EXPECT_EQ(cut_to_width("日本語", 4), "日…");
  EXPECT_EQ(cut_to_width("日本語", 1), "…");
  EXPECT_EQ(cut_to_width("日本語", 0), "");
}

}  // namespace
}  // namespace freshet
