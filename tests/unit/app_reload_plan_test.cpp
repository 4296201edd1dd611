#include "app/reload_plan.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace freshet::app {
namespace {

const RepositoryName kDocs{"docs"};

const std::string kFile = R"(
state_dir = "/var/lib/freshet"
[limits]
min_free_disk = "1GiB"
[defaults]
interval = "60s"
[[credential]]
match = "https://github.com/acme/*"
token_file = "/etc/freshet/token"
[[repository]]
name = "docs"
url = "https://github.com/acme/docs.git"
path = "/srv/docs"
)";

std::shared_ptr<const Catalogue> catalogue(const std::string& text,
                                           const Catalogue* before = nullptr) {
  config::Loaded loaded = config::load_text(text, "freshet.toml");
  EXPECT_TRUE(loaded.settings);
  return make_catalogue(std::move(*loaded.settings), {}, before);
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kFile;
  const auto position = text.find(from);
  EXPECT_NE(position, std::string::npos);
  return text.replace(position, from.size(), to);
}

TEST(Reloads, LeaveAloneWhatNothingChangedFor) {
  const auto before = catalogue(kFile);
  for (const std::string& text :
       {kFile, kFile + "\n[log]\nlevel = \"debug\"\n",
        kFile +
            "[[repository]]\nurl = \"https://github.com/acme/site.git\"\npath = \"/srv/site\"\n",
        kFile + "[[credential]]\nmatch = \"https://gitlab.com/*\"\ntoken_file = \"/etc/t\"\n"}) {
    const auto after = catalogue(text, before.get());
    EXPECT_TRUE(untouched(*before, *after, kDocs)) << text;
    EXPECT_EQ(before->find(kDocs), after->find(kDocs)) << "the very same";
  }
}

TEST(Reloads, TouchWhatASettingChangedFor) {
  const auto before = catalogue(kFile);
  for (const std::string& text :
       {replaced("60s", "61s"), replaced("1GiB", "2GiB"), replaced("/srv/docs", "/srv/other"),
        replaced("/var/lib", "/srv/lib"), replaced("docs.git", "new.git"),
        kFile + "match = [\"github.com/acme/new\"]\n",
        kFile + "[[repository.on_update]]\nrun = [\"true\"]\n"}) {
    const auto after = catalogue(text, before.get());
    EXPECT_FALSE(untouched(*before, *after, kDocs)) << text;
    EXPECT_NE(before->find(kDocs), after->find(kDocs)) << text;
  }
}

TEST(Reloads, TouchWhatSignsInInAnotherWayButKeepItsSpec) {
  const auto before = catalogue(kFile);
  for (const std::string& text :
       {replaced("/etc/freshet/token", "/etc/freshet/other"),
        kFile +
            "[[credential]]\nmatch = \"https://github.com/acme/docs\"\ntoken_file = \"/t\"\n"}) {
    const auto after = catalogue(text, before.get());
    EXPECT_FALSE(untouched(*before, *after, kDocs)) << text;
    EXPECT_EQ(before->find(kDocs), after->find(kDocs)) << text;
  }
}

}  // namespace
}  // namespace freshet::app
