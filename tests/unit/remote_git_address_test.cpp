#include "remote/git_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::remote {
namespace {

using ::testing::ElementsAre;

Result<GitAddress> address_of(const std::string& url) {
  const auto parsed = UpstreamUrl::parse(url);
  EXPECT_TRUE(parsed) << url;
  return git_address(*parsed);
}

struct Case {
  const char* url;
  GitAddress expected;
};

class GitAddresses : public ::testing::TestWithParam<Case> {};

TEST_P(GitAddresses, AreReadAsGitReadsThem) {
  const auto address = address_of(GetParam().url);
  ASSERT_TRUE(address) << address.error().message;
  EXPECT_EQ(address->user, GetParam().expected.user);
  EXPECT_EQ(address->host, GetParam().expected.host);
  EXPECT_EQ(address->port, GetParam().expected.port);
  EXPECT_EQ(address->path, GetParam().expected.path);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, GitAddresses,
    ::testing::Values(Case{"ssh://git@Host/a/b.git", {"git", "host", "", "/a/b.git"}},
                      Case{"ssh://host:2222/a/", {"", "host", "2222", "/a/"}},
                      Case{"ssh://host/~ann/a", {"", "host", "", "~ann/a"}},
                      Case{"ssh://us%40er@host/a%20b%2", {"us@er", "host", "", "/a b%2"}},
                      Case{"ssh://git@[2001:db8::1]:22/a", {"git", "2001:db8::1", "", "/a"}},
                      Case{"git@host:a/b.git", {"git", "host", "", "a/b.git"}},
                      Case{"host:/a%20b", {"", "host", "", "/a%20b"}},
                      Case{"host:~/a", {"", "host", "", "~/a"}},
                      Case{"[::1]:a:b", {"", "::1", "", "a:b"}},
                      Case{"git@[host:2222]:a", {"git", "host", "2222", "a"}},
                      Case{"git://host/a%20b", {"", "host", "", "/a b"}},
                      Case{"git://host:1234/~ann/a", {"", "host", "1234", "~ann/a"}},
                      Case{"/srv/a%20b/", {"", "", "", "/srv/a%20b"}},
                      Case{"file:///srv/a%20b", {"", "", "", "/srv/a b"}},
                      Case{"file://localhost/srv/a", {"", "", "", "/srv/a"}}));

TEST(GitAddress, RefusesWhatACommandLineTakesForAnOption) {
  for (const char* url : {"ssh://-oProxyCommand=x@host/a", "ssh://%2doProxyCommand=x@host/a",
                          "-x@host:a", "x@[-oProxyCommand=y:1]:a"}) {
    const auto parsed = UpstreamUrl::parse(url);
    EXPECT_TRUE(!parsed || !git_address(*parsed)) << url;
  }
}

TEST(GitAddress, RefusesControlCharacters) {
  for (const char* url : {"git://host/a%0ahost=other", "ssh://host/a%07", "file:///a%0d"}) {
    const auto address = address_of(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().error_class, ErrorClass::config);
  }
}

TEST(GitAddress, StandsBehindSshsOptions) {
  EXPECT_THAT(ssh_destination({"git", "host", "2222", "/a"}),
              ElementsAre("-p", "2222", "--", "git@host", "git-upload-pack '/a'"));
  EXPECT_THAT(ssh_destination({"", "host", "", "it's; $(x) `y` !z"}),
              ElementsAre("--", "host", "git-upload-pack 'it'\\''s; $(x) `y` '\\!'z'"));
}

TEST(GitAddress, IsWhatADaemonIsTold) {
  using namespace std::string_literals;
  EXPECT_EQ(daemon_request({"", "host", "", "/a"}),
            "002cgit-upload-pack /a\0host=host\0\0version=2\0"s);
  EXPECT_EQ(daemon_request({"", "::1", "99", "/a"}),
            "0030git-upload-pack /a\0host=[::1]:99\0\0version=2\0"s);
}

}  // namespace
}  // namespace freshet::remote
