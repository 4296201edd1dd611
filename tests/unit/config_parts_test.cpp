#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "config/describe.h"
#include "config/diagnostic.h"
#include "config/listen_address.h"
#include "config/suggest.h"

namespace freshet::config {
namespace {

using testing::HasSubstr;

TEST(ListenAddresses, AreReadAndWrittenInTheSameForm) {
  for (const char* text : {"127.0.0.1:8480", "0.0.0.0:0", "[::1]:65535", "localhost:1",
                           "git.example.org:80", "unix:/run/freshet/admin.sock"}) {
    const auto address = ListenAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  const auto v6 = ListenAddress::parse("[::1]:8480");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8480);
}

TEST(ListenAddresses, SayWhichPartIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "HOST:PORT"},
      {"localhost", "HOST:PORT"},
      {"localhost:", "port"},
      {"localhost:http", "port"},
      {"localhost:+1", "port"},
      {"localhost:-1", "port"},
      {"localhost:65536", "port"},
      {"localhost:99999999999999999999", "port"},
      {":8480", "0.0.0.0:PORT"},
      {"::1:8480", "brackets"},
      {"[localhost]:80", "IPv6"},
      {"http://a:80", "brackets"},
      {"a b:80", "host name"},
      {"unix:", "absolute path"},
      {"unix:run/a", "absolute path"},
      {"unix:/" + std::string(107, 'a'), "at most 107"},
  };
  for (const auto& [text, expected] : cases) {
    const auto address = ListenAddress::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_THAT(address.error().message, HasSubstr(expected)) << text;
  }
  EXPECT_TRUE(ListenAddress::parse("unix:/" + std::string(106, 'a')));
}

TEST(ListenAddresses, AreLocalOnlyWhenNobodyElseCanConnect) {
  for (const char* text : {"127.0.0.1:1", "127.255.1.1:1", "[::1]:1", "localhost:1", "unix:/a"}) {
    EXPECT_TRUE(ListenAddress::parse(text)->is_local()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.org:1", "128.0.0.1:1",
                           "[::ffff:127.0.0.1]:1", "localhost.example.org:1"}) {
    EXPECT_FALSE(ListenAddress::parse(text)->is_local()) << text;
  }
}

TEST(AddressRanges, AreChecked) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1", "192.0.2.1/32", "::/0",
                           "fd00::/8", "::1", "::1/128"}) {
    EXPECT_TRUE(is_cidr(text)) << text;
  }
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1",
                           "::/129", "10.0.0.0/8/8", "example.org", " 10.0.0.0/8", "10.0.0.0/8 "}) {
    EXPECT_FALSE(is_cidr(text)) << text;
  }
  EXPECT_FALSE(is_cidr(std::string_view("10.0.0.1\0", 9)));
}

TEST(EditDistance, CountsTheStepsFromOneWordToTheOther) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("intervall", "interval"), 1U);
  EXPECT_EQ(edit_distance("pahts", "paths"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(ADiagnostic, IsOneLineWhateverItHolds) {
  EXPECT_EQ(to_text({Severity::error, "a.toml", 3, 7, "log.level", "no"}),
            "a.toml:3:7: error: log.level: no");
  EXPECT_EQ(to_text({Severity::warning, "a.toml", 3, 7, "", "no"}), "a.toml:3:7: warning: no");
  EXPECT_EQ(to_text({Severity::error, "a.toml", 0, 0, "", "no"}), "a.toml: error: no");
  EXPECT_EQ(to_text({Severity::error, "a\x1b[0m", 1, 1, "k\n", "\x7f"}),
            "a\\x1b[0m:1:1: error: k\\x0a: \\x7f");
}

const SettingInfo* find(const std::string& section, const std::string& key) {
  for (const SettingInfo& setting : all_settings()) {
    if (setting.section == section && setting.key == key) {
      return &setting;
    }
  }
  return nullptr;
}

TEST(TheTableOfSettings, DescribesEachSettingOnceAndInASentence) {
  std::set<std::string> seen;
  for (const SettingInfo& setting : all_settings()) {
    const std::string name = setting.section + "." + setting.key;
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_TRUE(setting.description.ends_with('.')) << name;
    EXPECT_FALSE(setting.kind.empty()) << name;
    const bool is_table = setting.kind == "table" || setting.kind == "list of tables";
    EXPECT_EQ(setting.expected.empty(), is_table) << name;
  }
}

TEST(TheTableOfSettings, SaysWhatTheManualNeeds) {
  const SettingInfo* max_body = find("server", "max_body");
  ASSERT_NE(max_body, nullptr);
  EXPECT_EQ(max_body->header, "[server]");
  EXPECT_EQ(max_body->kind, "size");
  EXPECT_EQ(max_body->default_text, "\"26MiB\"");
  EXPECT_THAT(max_body->expected, HasSubstr("\"1KiB\" to \"1GiB\""));
  const SettingInfo* path = find("repository.checkout", "path");
  ASSERT_NE(path, nullptr);
  EXPECT_EQ(path->header, "[[repository.checkout]]");
  EXPECT_TRUE(path->required);
  ASSERT_NE(find("server", "allow"), nullptr);
  EXPECT_EQ(find("server", "allow")->default_text, "[]");
  ASSERT_NE(find("", "state_dir"), nullptr);
  EXPECT_EQ(find("", "state_dir")->header, "");
}

TEST(TheDefaultsTable, TakesEveryKeyOfARepositoryButNameUrlPathAndCheckout) {
  for (const SettingInfo& setting : all_settings()) {
    if (setting.section == "repository") {
      const bool own = setting.key == "name" || setting.key == "url" || setting.key == "path" ||
                       setting.key == "checkout";
      EXPECT_EQ(find("defaults", setting.key) == nullptr, own) << setting.key;
    }
  }
}

}  // namespace
}  // namespace freshet::config
