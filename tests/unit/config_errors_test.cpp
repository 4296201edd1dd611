#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"
#include "support/source_directory.h"

namespace freshet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  std::string text;
  std::string expected;  ///< how the only error's text begins
};

std::vector<std::string> errors(const Loaded& loaded) {
  std::vector<std::string> result;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Severity::error) {
      result.push_back(to_text(diagnostic));
    }
  }
  return result;
}

void expect_one_error_each(const std::vector<Case>& cases) {
  for (const auto& [text, expected] : cases) {
    const Loaded loaded = load_text(text, "f");
    EXPECT_THAT(errors(loaded), ElementsAre(testing::StartsWith(expected))) << text;
    EXPECT_FALSE(loaded.settings) << text;
  }
}

void expect_no_errors(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_THAT(errors(load_text(text, "f")), IsEmpty()) << text;
  }
}

/// A [[repository]] of two lines, so that what follows begins on line 3.
std::string repository(const std::string& rest) {
  return "[[repository]]\nurl = \"https://e.org/a\"\n" + rest;
}
std::string published(const std::string& rest) {
  return repository("path = \"/srv/a\"\n" + rest);
}

TEST(ASyntaxError, IsAtTheByteThatIsNoText) {
  EXPECT_THAT(errors(load_text("state_dir = \"/srv/\xc3\xa4\xff\"\n", "f")),
              ElementsAre(HasSubstr("f:1:20: error: a byte that is no UTF-8")));
  EXPECT_THAT(errors(load_text("\xef\xbb\xbf#\n# \xed\xa0\x80\n", "f")),
              ElementsAre(HasSubstr("f:2:3: error: a byte that is no UTF-8")));
}

TEST(ASyntaxError, HasItsPlace) {
  expect_one_error_each({
      {"state_dir = \n", "f:1:13: error: "},
      {"[log]\nlevel = \"info\"\nlevel = \"debug\"\n", "f:3:9: error: cannot redefine existing"},
      {"[log\n", "f:1:5: error: "},
      {"refs = [\n# \xc3\xa4\n", "f:2:4: error: encountered end-of-file"},
      {"refs = [\n\n", "f:2:1: error: encountered end-of-file"},
      {"a = \xff\n", "f:1:"},
      {"a = \"b\n", "f:1:"},
  });
}

TEST(AKeyWithoutEnd, IsAnErrorAndNotTheEndOfTheStack) {
  const auto keys = [](const std::string& part, const std::string& between) {
    std::string key = part;
    for (int i = 0; i < 100'000; ++i) {
      key += between + part;
    }
    return key;
  };
  const std::string expected = "f:2:1: error: a key of more than 256 parts";
  expect_one_error_each({{"\n" + keys("a", ".") + " = 1\n", expected},
                         {"\n[" + keys("a", ".") + "]\n", expected},
                         {"\nx = {" + keys("\"#\\\" \"", " . ") + " = 1}\n", expected},
                         {"\n[[" + keys("'='", ".") + "]]\n", expected}});
  expect_no_errors({"# " + std::string(1000, '.') + keys("No. ", "") + "\n",
                    "state_dir = \"/" + keys("a", ".") + "\"\n"});
}

TEST(AMissingFile, IsOneDiagnosticThatSaysWhatToDo) {
  const Loaded loaded = load_file("/nonexistent/freshet.toml");
  EXPECT_FALSE(loaded.settings);
  ASSERT_EQ(loaded.diagnostics.size(), 1U);
  EXPECT_EQ(loaded.diagnostics[0].line, 0U);
  EXPECT_THAT(to_text(loaded.diagnostics[0]),
              testing::StartsWith("/nonexistent/freshet.toml: error: cannot open"));
  EXPECT_THAT(loaded.diagnostics[0].message, HasSubstr("--config FILE"));
}

TEST(AFileThatIsADirectory, IsRefused) {
  const Loaded loaded = load_file(FRESHET_SOURCE_DIR);
  EXPECT_FALSE(loaded.settings);
  EXPECT_EQ(loaded.diagnostics.size(), 1U);
}

TEST(AllProblems, AreReportedAtOnceInTheOrderOfTheFile) {
  const Loaded loaded = load_text(R"([[repository]]
path = "relative"
interval = "0s"
refs = ["main", "refs/heads/*", "refs/*/x"]
[server]
tls_cert = "/c"
max_body = 5
[admin]
listen = "0.0.0.0:1"
tokenfile = "x"
)",
                                  "dir/f.toml");
  EXPECT_FALSE(loaded.settings);
  const std::string prefix = "dir/f.toml:";
  EXPECT_THAT(errors(loaded),
              ElementsAre(HasSubstr(prefix + "1:1: error: repository.url: missing; expected a URL"),
                          HasSubstr(prefix + "2:8: error: repository.path: expected an absolute"),
                          HasSubstr(prefix + "3:12: error: repository.interval: "),
                          HasSubstr(prefix + "4:9: error: repository.refs: expected a full ref"),
                          HasSubstr(prefix + "4:33: error: repository.refs: "),
                          HasSubstr(prefix + "6:12: error: server.tls_key: missing"),
                          HasSubstr(prefix + "7:12: error: server.max_body: expected a size"),
                          HasSubstr(prefix + "9:10: error: admin.token_file: missing"),
                          HasSubstr(prefix + "10:1: error: admin.tokenfile: unknown key")));
}

TEST(AMessage, SaysWhatIsAllowed) {
  expect_one_error_each({
      {published("interval = \"x\"\n"),
       "f:4:12: error: repository.interval: expected a duration such as \"30s\" or \"off\", at "
       "least "
       "\"1s\""},
      {published("interval = 60\n"),
       "f:4:12: error: repository.interval: expected a duration such as \"30s\" or \"off\", at "
       "least "
       "\"1s\", not a whole number"},
      {"[limits]\nrefreshes = 0\n",
       "f:2:13: error: limits.refreshes: expected a whole number from 1 to 1024"},
      {"[log]\nlevel = \"warn\"\n",
       "f:2:9: error: log.level: expected \"debug\" or \"info\" or \"warning\" or \"error\""},
  });
}

TEST(AnUnknownKey, ComesWithWhatWasProbablyMeant) {
  expect_one_error_each({
      {published("intervall = \"1s\"\n"),
       "f:4:1: error: repository.intervall: unknown key `intervall`; did you mean `interval`?"},
      {"[servr]\n", "f:1:2: error: servr: unknown key `servr`; did you mean `server`?"},
      {"[[repositories]]\n",
       "f:1:3: error: repositories: unknown key `repositories`; did you mean "
       "`repository`?"},
      {"[webhook]\nsecret = \"x\"\n",
       "f:2:1: error: webhook.secret: unknown key `secret`; did you mean `secret_files`?"},
      {published("state_dir = \"/x\"\n"),
       "f:4:1: error: repository.state_dir: unknown key `state_dir`; it belongs at the top of the "
       "file, before the first [table]"},
      {"[defaults]\npath = \"/x\"\n",
       "f:2:1: error: defaults.path: unknown key `path`; it belongs in [[repository]] or "
       "in [[repository.checkout]]"},
      {"[limits]\nqwertz = 1\n", "f:2:1: error: limits.qwertz: unknown key `qwertz`"},
      {"\"a\\nb\" = 1\n", "f:1:1: error: a\\x0ab: unknown key `a\\x0ab`"},
  });
}

TEST(AWrongType, IsAnErrorAndNeverConverted) {
  expect_one_error_each({
      {"state_dir = 1\n", "f:1:13: error: state_dir: expected an absolute path"},
      {"[limits]\nrefreshes = 8.0\n",
       "f:2:13: error: limits.refreshes: expected a whole number from"},
      {"[limits]\nrefreshes = true\n", "f:2:13: error: limits.refreshes: "},
      {"[limits]\nrefreshes = \"8\"\n", "f:2:13: error: limits.refreshes: "},
      {"watch_config = \"true\"\n", "f:1:16: error: watch_config: expected true or false"},
      {"watch_config = 1\n", "f:1:16: error: watch_config: "},
      {"[server]\nmax_body = 1000000\n", "f:2:12: error: server.max_body: expected a size"},
      {"[server]\nallow = \"10.0.0.0/8\"\n",
       "f:2:9: error: server.allow: expected a list of which"},
      {"[server]\nallow = [1]\n", "f:2:10: error: server.allow: expected an address range"},
      {"[log]\nlevel = [\"info\"]\n", "f:2:9: error: log.level: expected \"debug\""},
      {"server = 1\n", "f:1:10: error: server: expected a table, not a whole number"},
      {"[[server]]\n", "f:1:1: error: server: there is only one; write [server]"},
      {"repository = 1\n", "f:1:14: error: repository: expected tables"},
      {"[repository]\nurl = \"https://e.org/a\"\npath = \"/a\"\n",
       "f:1:1: error: repository: there can be several; write [[repository]]"},
      {"[[repository.on_update]]\nrun = [\"true\"]\n",
       "f:1:1: error: repository: [[repository.on_update]] is part of a [[repository]], which has "
       "to stand above it"},
      {"[credential.github_app]\napp_id = 1\n",
       "f:1:1: error: credential: [credential.github_app] is part of a [[credential]], which has "
       "to "
       "stand above it"},
      {"state_dir = 2020-01-01\n", "f:1:13: error: state_dir: "},
  });
}

TEST(ServerSettings, AreChecked) {
  expect_one_error_each({
      {"[server]\nlisten = \"8480\"\n", "f:2:10: error: server.listen: expected HOST:PORT"},
      {"[server]\nlisten = \"127.0.0.1:65536\"\n", "f:2:10: error: server.listen: expected a port"},
      {"[server]\nmax_body = \"1023\"\n",
       "f:2:12: error: server.max_body: expected a size such as \"26MiB\", from \"1KiB\" to "
       "\"1GiB\""},
      {"[server]\nmax_body = \"2GiB\"\n", "f:2:12: error: server.max_body: "},
      {"[server]\nbody_memory = \"1MiB\"\n",
       "f:2:15: error: server.body_memory: body_memory (\"1MiB\") must be at least max_body"},
      {"[server]\nmax_body = \"1GiB\"\n", "f:2:12: error: server.max_body: body_memory"},
      {"[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"10.0.0.0/33\"]\n",
       "f:2:34: error: server.trusted_proxies: expected an address range"},
      {"[server]\nrate_limit = \"1000\"\n", "f:2:14: error: server.rate_limit: expected a rate"},
      {"[server]\nconnections_per_address = 0\n",
       "f:2:27: error: server.connections_per_address: "},
      {"[server]\ntls_cert = \"/c\"\n",
       "f:2:12: error: server.tls_key: missing; tls_cert needs it"},
      {"[server]\ntls_key = \"/c\"\ntls_cert = \"\"\n", "f:2:11: error: server.tls_cert: missing"},
      {"[server]\ntls_cert = \"c\"\ntls_key = \"/k\"\n",
       "f:2:12: error: server.tls_cert: expected an absolute path, or \"credential:NAME\""},
      {"[server]\nlisten = \"127.0.0.1:8481\"\n",
       "f:2:10: error: server.listen: server.listen and admin.listen must differ"},
  });
  expect_no_errors({"[server]\nlisten = \"[::]:0\"\nmax_body = \"1KiB\"\nbody_memory = \"1KiB\"\n",
                    "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"});
}

TEST(AdminSettings, AreChecked) {
  expect_one_error_each({
      {"[admin]\nlisten = \"0.0.0.0:1\"\n",
       "f:2:10: error: admin.token_file: missing; required when"},
      {"[admin]\nlisten = \"127.example.org:1\"\n", "f:2:10: error: admin.token_file: missing"},
      {"[admin]\ntoken_file = \"token\"\n",
       "f:2:14: error: admin.token_file: expected an absolute"},
      {"[admin]\nsocket_mode = \"0680\"\n", "f:2:15: error: admin.socket_mode: expected an octal"},
      {"[admin]\nsocket_mode = 0o660\n", "f:2:15: error: admin.socket_mode: expected an octal"},
      {"[admin]\nsocket_mode = \"1777\"\n", "f:2:15: error: admin.socket_mode: "},
      {"[admin]\nhosts = [\"a.org\", \"http://b.org\"]\n",
       "f:2:19: error: admin.hosts: expected a host"},
      {"[admin]\nlisten = \"127.0.0.1:8480\"\n", "f:2:10: error: admin.listen: "},
  });
  expect_no_errors({
      "[admin]\nlisten = \"0.0.0.0:1\"\ntoken_file = \"credential:t\"\n",
      "[admin]\nlisten = \"unix:/run/a.sock\"\nsocket_mode = \"600\"\n",
      "[admin]\nlisten = \"[::1]:1\"\n",
      "[admin]\nlisten = \"localhost:1\"\n",
      "[admin]\nlisten = \"127.8.8.8:1\"\n",
  });
}

TEST(SecretFiles, AreAbsolutePathsOrCredentials) {
  for (const char* location : {"secret", "./secret", "", "credential:", "credential:a/b",
                               "credential:..", "/dir/", "/a\\nb"}) {
    expect_one_error_each({{"[webhook]\nsecret_files = [\"" + std::string(location) + "\"]\n",
                            "f:2:17: error: webhook.secret_files: expected an absolute path"}});
  }
  expect_no_errors({"[webhook]\nsecret_files = [\"/s\", \"credential:webhook.secret\"]\n"});
}

TEST(AWrongSecretFile, IsNotRepeatedInTheMessage) {
  const Loaded loaded = load_text("[admin]\ntoken_file = \"ghp_0123456789\"\n", "f");
  ASSERT_EQ(errors(loaded).size(), 1U);
  EXPECT_THAT(errors(loaded)[0], testing::Not(HasSubstr("ghp_")));
}

TEST(APasswordInAUrl, IsRefusedAndNotRepeated) {
  const Loaded loaded =
      load_text("[[repository]]\nurl = \"https://u:hunter2@e.org/a\"\npath = \"/a\"\n", "f");
  ASSERT_EQ(errors(loaded).size(), 1U);
  EXPECT_THAT(errors(loaded)[0], testing::StartsWith("f:2:7: error: repository.url: "));
  EXPECT_THAT(errors(loaded)[0], HasSubstr("holds a password"));
  EXPECT_THAT(errors(loaded)[0], testing::Not(HasSubstr("hunter2")));
}

TEST(RepositorySettings, AreChecked) {
  expect_one_error_each({
      {"[[repository]]\npath = \"/a\"\n", "f:1:1: error: repository.url: missing; expected a URL"},
      {"[[repository]]\nurl = \"docs\"\npath = \"/a\"\n",
       "f:2:7: error: repository.url: docs: expected"},
      {"[[repository]]\nurl = \"../docs\"\npath = \"/a\"\n", "f:2:7: error: repository.url: "},
      {"[[repository]]\nurl = \"/srv/../docs\"\npath = \"/a\"\n",
       "f:2:7: error: repository.name: \"local/srv/../docs\", which follows from the url"},
      {published("interval = \"999ms\"\n"), "f:4:12: error: repository.interval: "},
      {published("webhook_interval = \"off\"\n"), "f:4:20: error: repository.webhook_interval: "},
      {published("refs = [\"*\"]\n"), "f:4:9: error: repository.refs: "},
      {published("refs = [\"refs/*/a*\"]\n"), "f:4:9: error: repository.refs: "},
      {published("depth = -1\n"), "f:4:9: error: repository.depth: expected a whole number from 0"},
      {published("match = [\"\"]\n"), "f:4:10: error: repository.match: expected a host and path"},
      {published("timeout = \"0\"\n"), "f:4:11: error: repository.timeout: expected a duration"},
      {published("first_timeout = \"off\"\n"), "f:4:17: error: repository.first_timeout: "},
      {published("stall_timeout = \"1ms\"\n"), "f:4:17: error: repository.stall_timeout: "},
      {published("mirror = \"yes\"\n"), "f:4:10: error: repository.mirror: expected true or false"},
      {published("mode = \"link\"\n"),
       "f:4:8: error: repository.mode: expected \"atomic\" or \"in_place\""},
      {published("keep_old = \"-1s\"\n"), "f:4:12: error: repository.keep_old: "},
      {published("git = 1\n"), "f:4:7: error: repository.git: expected true or false"},
      {"[defaults]\ninterval = \"1\"\n", "f:2:12: error: defaults.interval: "},
  });
  expect_no_errors({published("interval = \"1s\"\nrefs = [\"refs/heads/release-*\", \"refs/*\"]\n"),
                    published("keep_old = \"0\"\ndepth = 2147483647\n")});
}

TEST(RepositoryNames, AreCheckedAndUnique) {
  for (const std::string& name :
       {std::string(), std::string(201, 'a'), std::string("/a"), std::string("a/"),
        std::string("a//b"), std::string("a/../b"), std::string("."), std::string("a\\u0007")}) {
    expect_one_error_each({{published("name = \"" + name + "\"\n"),
                            "f:4:8: error: repository.name: expected a name"}});
  }
  const std::string two =
      published("name = \"x/y\"\n") +
      "[[repository]]\nurl = \"https://e.org/b\"\nname = \"x/y\"\npath = \"/b\"\n";
  const std::string by_url =
      published("") + "[[repository]]\nurl = \"ssh://e.org/a.git\"\npath = \"/b\"\n";
  expect_one_error_each({
      {two,
       "f:7:8: error: repository.name: \"x/y\" is the name of the repository of line 4 already"},
      {by_url,
       "f:5:7: error: repository.name: \"e.org/a\" is the name of the repository of line 2"},
  });
  expect_no_errors({published("name = \"" + std::string(200, 'a') + "\"\n")});
}

TEST(ARepositoryThatPublishesNothing, IsAnErrorThatTellsHowToMendIt) {
  const std::string expected =
      "f:1:1: error: repository: publishes nothing; set `path`, add a [[repository.checkout]], or "
      "set `mirror = true`";
  expect_one_error_each({{repository(""), expected},
                         {repository("mirror = false\n"), expected},
                         {repository("checkout = []\n"), expected},
                         {repository("mirror = true\nref = \"main\"\n"),
                          "f:4:1: error: repository.ref: belongs to `path`"}});
}

TEST(CheckoutRefs, AreBranchesTagsFullRefsOrCommits) {
  for (const char* ref :
       {"", "refs/", "a b", "a..b", "main*", "-x", "a^", "x.lock", "/a", "a\\u0000"}) {
    expect_one_error_each({{published("ref = \"" + std::string(ref) + "\"\n"),
                            "f:4:7: error: repository.ref: expected a branch, a tag"}});
  }
  for (const char* ref : {"main", "feature/x", "HEAD", "v1.2", "refs/heads/main",
                          "refs/pull/7/head", "0123456789012345678901234567890123456789"}) {
    expect_no_errors({published("ref = \"" + std::string(ref) + "\"\n")});
  }
}

TEST(CheckoutPaths, AreAbsoluteAndOutsideOfWhatIsKeptBesideThem) {
  const std::string tail = "f:3:8: error: repository.path: expected an absolute path";
  for (const char* path : {"", "srv", "/", "//", "/a/../b", "/a\\tb", "/srv/.docs.freshet/x"}) {
    expect_one_error_each({{repository("path = \"" + std::string(path) + "\"\n"), tail}});
  }
  expect_one_error_each({
      {repository("path = \"/" + std::string(201, 'a') + "\"\n"), tail},
      {repository("[[repository.checkout]]\nref = \"main\"\n"),
       "f:3:1: error: repository.checkout.path: missing; expected an absolute path"},
      {repository("path = \"/var/lib/freshet\"\n"),
       "f:3:8: error: repository.path: a checkout and state_dir (/var/lib/freshet) must not be"},
      {repository("path = \"/var/lib/freshet/x\"\n"), "f:3:8: error: repository.path: "},
      {repository("path = \"/var/lib\"\n"),
       "f:3:8: error: repository.path: a checkout and state_dir"},
      {"state_dir = \"relative\"\n", "f:1:13: error: state_dir: expected an absolute path"},
      {"state_dir = \"/\"\n", "f:1:13: error: state_dir: "},
  });
  expect_no_errors({repository("path = \"/var/lib/freshet2\"\n")});
}

TEST(CheckoutPaths, AreUniqueAndNotInsideOneAnother) {
  const std::string other = "[[repository]]\nurl = \"https://e.org/b\"\n";
  expect_one_error_each({
      {published(other + "path = \"/srv//a/\"\n"),
       "f:6:8: error: repository.path: /srv/a is published by line 3 already"},
      {published(other + "path = \"/srv/a/b/c\"\n"),
       "f:6:8: error: repository.path: /srv/a/b/c is inside /srv/a, which line 3 publishes"},
      {published(other + "path = \"/srv\"\n"),
       "f:3:8: error: repository.path: /srv/a is inside /srv, which line 6 publishes"},
      {published("[[repository.checkout]]\npath = \"/srv/a\"\n"),
       "f:5:8: error: repository.checkout.path: /srv/a is published by line 3 already"},
  });
  expect_no_errors({published(other + "path = \"/srv/a-b\"\n")});
}

TEST(Credentials, NeedAMatchAndOneWayToSignIn) {
  const std::string one = "f:1:1: error: credential: expected exactly one of token_file";
  const std::string head = "[[credential]]\nmatch = \"https://e.org/*\"\n";
  expect_one_error_each({
      {"[[credential]]\ntoken_file = \"/t\"\n", "f:1:1: error: credential.match: missing"},
      {"[[credential]]\nmatch = \"\"\ntoken_file = \"/t\"\n", "f:2:9: error: credential.match: "},
      {"[[credential]]\nmatch = \"https://e.org/acme*\"\ntoken_file = \"/t\"\n",
       "f:2:9: error: credential.match: \"https://e.org/acme*\": \"*\" stands behind a \"/\""},
      {"[[credential]]\nmatch = \"/srv/git/*\"\ntoken_file = \"/t\"\n",
       "f:2:9: error: credential.match: \"/srv/git/*\": expected https://HOST/PATH/*"},
      {head + "token_file = \"/t\"\n" + head + "username = \"u\"\npassword_file = \"/p\"\n",
       "f:5:9: error: credential.match: line 2 has the same match"},
      {head, one},
      {head + "token_file = \"/t\"\nusername = \"u\"\npassword_file = \"/p\"\n", one},
      {head + "username = \"u\"\n", "f:3:12: error: credential.password_file: missing; username"},
      {head + "password_file = \"/p\"\n", "f:3:17: error: credential.username: missing"},
      {head + "ssh_key_file = \"/k\"\n", "f:3:16: error: credential.known_hosts_file: missing"},
      {head + "token_file = \"t\"\n", "f:3:14: error: credential.token_file: expected an absolute"},
      {head + "github_app = { app_id = 1, installation_id = 2 }\n",
       "f:3:14: error: credential.github_app.private_key_file: missing"},
      {head + "github_app = { app_id = 0, private_key_file = \"/k\", installation_id = 1 }\n",
       "f:3:25: error: credential.github_app.app_id: expected a whole number from 1"},
      {head + "github_app = 1\n", "f:3:14: error: credential.github_app: expected a table"},
  });
  expect_no_errors({head + "ca_file = \"/c\"\n", head + "ca_file = \"/c\"\ntoken_file = \"/t\"\n",
                    head + "ca_file = \"/c\"\n" + head + "token_file = \"/t\"\n"});
}

TEST(Credentials, ThatNothingAsksForAreWarnedOf) {
  const auto warning = [](const std::string& match, const std::string& rest) {
    const Loaded loaded = load_text("[[credential]]\nmatch = \"" + match + "\"\n" + rest, "f");
    EXPECT_TRUE(loaded.settings) << match;
    return loaded.diagnostics.empty() ? "" : to_text(loaded.diagnostics[0]);
  };
  const std::string key = "ssh_key_file = \"/k\"\nknown_hosts_file = \"/h\"\n";
  EXPECT_THAT(warning("https://e.org/*", key),
              HasSubstr("f:2:9: warning: credential.match: covers"));
  EXPECT_THAT(warning("ssh://e.org/*", "token_file = \"/t\"\n"), HasSubstr("covers ssh URLs only"));
  EXPECT_EQ(warning("e.org/*", key), "");
  EXPECT_EQ(warning("e.org/*", "token_file = \"/t\"\n"), "");
  EXPECT_EQ(warning("git@e.org:*", key), "");
}

TEST(GatesAndCommands, AreChecked) {
  const std::string gate = "[[repository.gate]]\n";
  const std::string update = "[[repository.on_update]]\n";
  expect_one_error_each({
      {published(gate), "f:4:1: error: repository.gate.run: missing; expected a program"},
      {published(gate + "run = []\n"), "f:5:7: error: repository.gate.run: expected a program and"},
      {published(gate + "run = [\"a\", \"\"]\n"),
       "f:5:13: error: repository.gate.run: expected a text"},
      {published(gate + "run = \"a b\"\n"),
       "f:5:7: error: repository.gate.run: expected a program"},
      {published(gate + "run = [\"a\"]\ntimeout = \"0s\"\n"),
       "f:6:11: error: repository.gate.timeout: "},
      {published(update),
       "f:4:1: error: repository.on_update: expected exactly one of run and post"},
      {published(update + "run = [\"a\"]\npost = \"https://e.org\"\nsecret_file = \"/s\"\n"),
       "f:4:1: error: repository.on_update: expected exactly one"},
      {published(update + "post = \"https://e.org\"\n"),
       "f:5:8: error: repository.on_update.secret_file: missing; post needs it"},
      {published(update + "post = \"ftp://e.org\"\nsecret_file = \"/s\"\n"),
       "f:5:8: error: repository.on_update.post: expected an https:// or http:// URL without "
       "a user name"},
      {published(update + "post = \"https://a:b@e.org/x\"\nsecret_file = \"/s\"\n"),
       "f:5:8: error: repository.on_update.post: expected an https:// or http:// URL without "},
      {published(update + "run = [\"a\"]\npaths = [\"\"]\n"),
       "f:6:10: error: repository.on_update.paths: "},
      {published(update + "run = [\"a\"]\nrefs = [\"main\"]\n"),
       "f:6:9: error: repository.on_update.refs: "},
      {"[[defaults.gate]]\nrun = []\n", "f:2:7: error: defaults.gate.run: expected a program"},
  });
  expect_no_errors({published(gate + "run = [\"sh\", \"-c\", \"a\\nb\"]\n")});
}

}  // namespace
}  // namespace freshet::config
