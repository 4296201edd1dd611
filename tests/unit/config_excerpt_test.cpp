#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/load.h"

namespace freshet::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The line and the marks of the first problem, one below the other.
std::string shown(const std::string& text) {
  const Loaded loaded = load_text(text, "f");
  EXPECT_THAT(loaded.diagnostics, Not(IsEmpty())) << text;
  const Excerpt& excerpt = loaded.diagnostics.at(0).excerpt;
  return excerpt.line.empty() ? ""
                              : excerpt.line + "\n" + std::string(excerpt.before, ' ') +
                                    std::string(excerpt.marked, '^');
}

TEST(AnExcerpt, MarksTheWholeValue) {
  EXPECT_EQ(shown("[defaults]\ninterval = \"10ms\"  # often\n"),
            "interval = \"10ms\"  # often\n"
            "           ^^^^^^");
}

TEST(AnExcerpt, MarksTheWholeKey) {
  EXPECT_EQ(shown("[log]\nlvel = 3\n"),
            "lvel = …\n"
            "^^^^");
}

TEST(AnExcerpt, MarksTheHeaderOfATableThatLacksSomething) {
  EXPECT_EQ(shown("[[repository]]\npath = \"/srv/a\"\n"),
            "[[repository]]\n"
            "^^^^^^^^^^^^^^");
}

TEST(AnExcerpt, MarksOnePlaceWhereNoMoreIsKnown) {
  EXPECT_EQ(shown("state_dir = \n"), "state_dir = \n            ^");
  EXPECT_EQ(shown("[log\n"), "[log\n    ^");
}

TEST(AnExcerpt, CountsTabsWideAndCombiningCharactersAsATerminalDoes) {
  EXPECT_EQ(shown("[log]\n\tlevel = \"x\"\n"),
            "        level = \"x\"\n"
            "                ^^^");
  EXPECT_EQ(shown("[[repository]]\nurl = \"https://e.org/a\"\npath = \"/srv/a\"\nname = \"x\"\n"
                  "refs = [\"refs/heads/日本\", \"e\xcc\x81\", \"refs/heads/*\"]\n"),
            "refs = [\"refs/heads/日本\", \"e\xcc\x81\", \"refs/heads/*\"]\n"
            "                           ^^^");
}

TEST(AnExcerpt, ShowsControlCharactersByTheirNumbers) {
  EXPECT_EQ(shown("[log]\nlevel = \"\x1b[31m\"\n"), "level = \"\\x1b[31m\"\n         ^");
}

TEST(AnExcerpt, EndsWhereALineOfAnotherSystemEnds) {
  EXPECT_EQ(shown("[log]\r\nlevel = \"x\"\r\n"), "level = \"x\"\n        ^^^");
}

TEST(AnExcerpt, IsAWindowOfALongLine) {
  const std::string shown_text =
      shown("[webhook]\nsecret_files = []\n[server]\nallow = [" + std::string(500, ' ') + "\"x\"" +
            std::string(500, ' ') + "]\n");
  EXPECT_LT(shown_text.size(), 400U);
  EXPECT_THAT(shown_text, HasSubstr("\"x\""));
  EXPECT_THAT(shown_text, HasSubstr("^^^"));
}

TEST(AnExcerpt, NeverShowsWhatCouldBeASecret) {
  const std::string repository = "[[repository]]\nurl = \"https://e.org/a\"\npath = \"/srv/a\"\n";
  const std::string credential = "[[credential]]\nmatch = \"https://e.org/*\"\n";
  for (const std::string& text : {
           std::string("token = \"s3cret\"\n"),
           std::string("token = s3cret\n"),
           std::string("token = \"s3cret\n"),
           std::string("s3cret\n"),
           std::string("token \"s3cret\" = 1\n"),
           std::string("tok s3cret = 1\n"),
           std::string("\"token\" = \"s3cret\" trailing\n"),
           std::string("log.token = \"s3cret\"\n"),
           std::string("log = { token = \"s3cret\", level = \"x\" }\n"),
           std::string("webhook = { level = 1, secret_files = [\"s3cret\"] }\n"),
           std::string("[webhook]\nsecret_files = [\"s3cret\"]\n"),
           std::string("[webhook]\nsecret_files = [\"/a\", \"s3cret\"]\n"),
           std::string("[webhook]\nsecret_files = [\n  \"s3cret\"\n]\n"),
           std::string("[webhook]\nsecret_files = \"s3cret\"\n"),
           std::string("[admin]\ntoken_file = \"s3cret\"\n"),
           std::string("token = '''\ns3cret \x01\n'''\n"),
           std::string("token = tru_s3cret\n"),
           credential + "token_file = \"s3cret\"\n",
           credential + "github_app = { app_id = \"x\", private_key = \"s3cret\" }\n",
           std::string("[[repository]]\nurl = \"https://user:s3cret@e.org/a\"\n"),
           repository + "secret = \"s3cret\"\n",
       }) {
    const Loaded loaded = load_text(text, "f");
    ASSERT_FALSE(loaded.settings) << text;
    for (const Diagnostic& problem : loaded.diagnostics) {
      EXPECT_THAT(problem.excerpt.line + to_text(problem), Not(HasSubstr("s3cret"))) << text;
    }
  }
}

TEST(AnExcerpt, ShowsWhereASecretIs) {
  EXPECT_EQ(shown("[admin]\ntls_key = \"/etc/key\"\n"), "tls_key = \"/etc/key\"\n^^^^^^^");
}

}  // namespace
}  // namespace freshet::config
