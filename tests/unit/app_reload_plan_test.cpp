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

config::Settings settings_of(const std::string& text) {
  config::Loaded loaded = config::load_text(text, "freshet.toml");
  EXPECT_TRUE(loaded.settings);
  return std::move(*loaded.settings);
}

TEST(Reloads, KeepWhatCannotChangeAndSayWhatThatIs) {
  const config::Settings running = settings_of(kFile);
  config::Settings same = running;
  EXPECT_TRUE(keep_what_cannot_change(same, running).empty());
  config::Settings other = settings_of(R"(
state_dir = "/elsewhere"
[server]
listen = "0.0.0.0:80"
tls_cert = "/c"
tls_key = "/k"
max_body = "1MiB"
[admin]
listen = "unix:/run/a.sock"
socket_mode = "0600"
hosts = ["freshet.example"]
)");
  EXPECT_EQ(keep_what_cannot_change(other, running).size(), 6U);
  EXPECT_EQ(other.state_dir, running.state_dir);
  EXPECT_EQ(other.server.listen, running.server.listen);
  EXPECT_EQ(other.server.tls_cert + other.server.tls_key, "");
  EXPECT_EQ(other.admin.listen, running.admin.listen);
  EXPECT_EQ(other.admin.socket_mode, running.admin.socket_mode);
  EXPECT_EQ(other.server.max_body, 1024U * 1024U) << "this can change";
  EXPECT_EQ(other.admin.hosts, std::vector<std::string>{"freshet.example"});
}

TEST(Reloads, NeverTakeTheTokenFromAListenerThatOthersReach) {
  const config::Settings running =
      settings_of("[admin]\nlisten = \"0.0.0.0:8481\"\ntoken_file = \"/etc/t\"\n");
  config::Settings without = settings_of("[admin]\nlisten = \"127.0.0.1:8481\"\n");
  EXPECT_EQ(keep_what_cannot_change(without, running).size(), 2U);
  EXPECT_EQ(without.admin.token_file, "/etc/t");
  config::Settings another =
      settings_of("[admin]\nlisten = \"0.0.0.0:8481\"\ntoken_file = \"/etc/u\"\n");
  EXPECT_TRUE(keep_what_cannot_change(another, running).empty());
  EXPECT_EQ(another.admin.token_file, "/etc/u");
}

}  // namespace
}  // namespace freshet::app
