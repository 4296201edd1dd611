#include "base/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet {
namespace {

using testing::HasSubstr;
using testing::Not;
using Transport = UpstreamUrl::Transport;

struct Form {
  const char* text;
  Transport transport;
  const char* host;
  const char* port;
  const char* user;
  const char* path;
  const char* host_key;
  const char* identity;
};

constexpr Form kForms[] = {
    {"https://github.com/acme/docs.git", Transport::https, "github.com", "", "", "acme/docs.git",
     "github.com", "github.com/acme/docs"},
    {"HTTPS://GitHub.com:443/Acme/Docs/", Transport::https, "github.com", "", "", "Acme/Docs",
     "github.com", "github.com/Acme/Docs"},
    {"https://example.org:8443/docs.GIT", Transport::https, "example.org", "8443", "", "docs.GIT",
     "example.org:8443", "example.org/docs"},
    {"https://example.org/a//b", Transport::https, "example.org", "", "", "a//b", "example.org",
     "example.org/a//b"},
    {"http://127.0.0.1:8080/docs", Transport::http, "127.0.0.1", "8080", "", "docs",
     "127.0.0.1:8080", "127.0.0.1/docs"},
    {"http://[::1]:80/docs", Transport::http, "[::1]", "", "", "docs", "[::1]", "[::1]/docs"},
    {"http://[::1]:8080/docs", Transport::http, "[::1]", "8080", "", "docs", "[::1]:8080",
     "[::1]/docs"},
    {"ssh://git@example.org:22/acme/docs.git", Transport::ssh, "example.org", "", "git",
     "acme/docs.git", "example.org", "example.org/acme/docs"},
    {"git+ssh://git@example.org:2222/docs", Transport::ssh, "example.org", "2222", "git", "docs",
     "example.org:2222", "example.org/docs"},
    {"git@github.com:acme/docs.git", Transport::ssh, "github.com", "", "git", "acme/docs.git",
     "github.com", "github.com/acme/docs"},
    {"Example.org:/srv/git/docs.git/", Transport::ssh, "example.org", "", "", "srv/git/docs.git",
     "example.org", "example.org/srv/git/docs"},
    {"git://example.org:9418/docs", Transport::git, "example.org", "", "", "docs", "example.org",
     "example.org/docs"},
    {"file:///srv/git/docs.git", Transport::file, "", "", "", "/srv/git/docs.git", "local",
     "local/srv/git/docs"},
    {"file://localhost/srv/docs/.git", Transport::file, "", "", "", "/srv/docs/.git", "local",
     "local/srv/docs"},
    {"/srv/git/docs//", Transport::file, "", "", "", "/srv/git/docs", "local",
     "local/srv/git/docs"},
};

TEST(UpstreamUrls, AreTakenInEveryFormThatGitKnows) {
  for (const Form& form : kForms) {
    const auto url = UpstreamUrl::parse(form.text);
    ASSERT_TRUE(url) << form.text << ": " << url.error().message;
    EXPECT_EQ(url->transport(), form.transport) << form.text;
    EXPECT_EQ(url->text(), form.text);
    EXPECT_EQ(url->host(), form.host) << form.text;
    EXPECT_EQ(url->port(), form.port) << form.text;
    EXPECT_EQ(url->user(), form.user) << form.text;
    EXPECT_EQ(url->path(), form.path) << form.text;
    EXPECT_EQ(url->host_key(), form.host_key) << form.text;
    EXPECT_EQ(url->identity(), form.identity) << form.text;
  }
}

TEST(UpstreamUrls, OfAnyOtherFormAreRefused) {
  for (const char* text : {"",
                           "docs",
                           "./docs",
                           "../docs",
                           "srv/docs:x",
                           "ext::sh -c id",
                           "ext://x/y",
                           "ftp://h/p",
                           "javascript://x/y",
                           "-uhttps://h/p",
                           "--upload-pack=id",
                           "https://h/p q",
                           "https://h/p\n",
                           "https://h/\x7f",
                           "https://",
                           "https:///p",
                           "https://h",
                           "https://h/",
                           "https://h///",
                           "https://-oProxyCommand=id/p",
                           "-oProxyCommand=id:p",
                           "ssh://-oProxyCommand=id/p",
                           "git@-oProxyCommand=id:p",
                           "https://h/-p",
                           "h:-p",
                           "git@h:",
                           "@h:",
                           ":p",
                           "file://srv/docs",
                           "file://host/srv/docs",
                           "file://",
                           "https://:8080/p",
                           "https://user@/p",
                           "https://h?x/p",
                           "https://h#x/p",
                           "https://h\\x/p",
                           "https://%67it/p",
                           "ssh://h%2fx/p",
                           "https://h:0/p",
                           "https://h:0443/p",
                           "https://h:65536/p",
                           "https://h:port/p",
                           "https://h:-1/p",
                           "https://h: 1/p",
                           "https://[::1/p",
                           "https://[::1]x/p"}) {
    const auto url = UpstreamUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().error_class, ErrorClass::config) << text;
  }
}

TEST(UpstreamUrls, WithAPasswordAreRefusedWithoutRepeatingIt) {
  for (const char* text : {"https://ann:hunter2@example.org/docs", "https://:hunter2@example.org/d",
                           "https://ann:a:hunter2@example.org/docs", "ann:hunter2@example.org:docs",
                           "ssh://ann:hunter2@example.org/docs"}) {
    const auto url = UpstreamUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, Not(HasSubstr("hunter2")));
    EXPECT_THAT(url.error().message, HasSubstr("password")) << text;
  }
}

TEST(UpstreamUrls, KeepTheUserOfAnHttpUrlOutOfWhatGitIsGiven) {
  const auto url = UpstreamUrl::parse("https://ann@example.org:8443/docs.git");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->user(), "ann");
  EXPECT_EQ(url->text(), "https://example.org:8443/docs.git");
  EXPECT_EQ(UpstreamUrl::parse("ssh://git@example.org/docs")->text(), "ssh://git@example.org/docs");
}

TEST(UpstreamUrls, WithATokenForAUserAreRefusedWithoutRepeatingIt) {
  for (const std::string& token :
       {std::string("ghp_0123456789"), std::string("github_pat_0123456789"),
        std::string("glpat-0123456789"), std::string(40, 't')}) {
    const auto url = UpstreamUrl::parse("https://" + token + "@example.org/docs");
    ASSERT_FALSE(url) << token;
    EXPECT_EQ(url.error().error_class, ErrorClass::config);
    EXPECT_THAT(url.error().message, Not(HasSubstr(token)));
  }
}

TEST(UpstreamUrls, OfLocalPathsMayHoldSpacesAndNoOtherBlanks) {
  EXPECT_TRUE(UpstreamUrl::parse("/srv/my docs"));
  EXPECT_TRUE(UpstreamUrl::parse("file:///srv/my docs"));
  EXPECT_FALSE(UpstreamUrl::parse("/srv/my\tdocs"));
  EXPECT_FALSE(UpstreamUrl::parse("/srv/my\ndocs"));
}

TEST(UpstreamUrls, OfAnAddressInBracketsAreTakenInTheShortFormToo) {
  for (const char* text : {"git@[::1]:docs.git", "[::1]:docs.git"}) {
    const auto url = UpstreamUrl::parse(text);
    ASSERT_TRUE(url) << text << ": " << url.error().message;
    EXPECT_EQ(url->transport(), Transport::ssh);
    EXPECT_EQ(url->host(), "[::1]") << text;
    EXPECT_EQ(url->path(), "docs.git") << text;
  }
}

TEST(ComparableUrls, AreEqualForEveryWayToNameOneRepository) {
  for (const char* text :
       {"https://github.com/acme/docs.git", "https://github.com/acme/docs",
        "https://github.com/acme/docs/", "https://github.com/acme/docs.git/",
        "http://GitHub.com:8080/Acme/Docs.GIT", "https://token@github.com/acme/docs",
        "https://user:secret@github.com/acme/docs", "git@github.com:acme/docs.git",
        "ssh://git@github.com:22/acme/docs.git", "git://github.com/acme/docs",
        "github.com/acme/docs", "github.com:8443/acme/docs", "GITHUB.COM/acme/docs/",
        "github.com:acme/docs", "https://github.com/scm/acme/docs.git",
        "ssh://git@github.com:7999/acme/docs.git", "https://github.com//acme/docs"}) {
    EXPECT_EQ(comparable_url(text), "github.com/acme/docs") << text;
  }
}

TEST(ComparableUrls, DifferForDifferentRepositories) {
  const std::string docs = comparable_url("https://github.com/acme/docs");
  for (const char* text : {"https://github.org/acme/docs", "https://github.com/acme/docs2",
                           "https://github.com/acme", "https://github.com/other/docs",
                           "/github.com/acme/docs", "file:///github.com/acme/docs", "acme/docs"}) {
    EXPECT_NE(comparable_url(text), docs) << text;
  }
}

TEST(ComparableUrls, OfLocalPathsKeepTheirFirstSlash) {
  for (const char* text :
       {"/srv/git/docs.git", "file:///srv/git/docs", "file:///srv/git/Docs.git/",
        "file://localhost/srv/git/docs", "FILE:///srv/git/docs", "/srv/git/docs/"}) {
    EXPECT_EQ(comparable_url(text), "/srv/git/docs") << text;
  }
  EXPECT_EQ(comparable_url("/scm/docs"), "/scm/docs") << "only Bitbucket's own path is shortened";
}

TEST(ComparableUrls, AreEmptyWhereNothingIsNamed) {
  for (const char* text : {"", "/", "//", "https://", "https://github.com", "https://github.com/",
                           "file:///", "github.com", "https://github.com/.git"}) {
    EXPECT_EQ(comparable_url(text), "") << text;
  }
}

TEST(Redaction, RemovesWhoSignsInAndHowFromEveryUrlOfAText) {
  const std::pair<const char*, const char*> table[] = {
      {"no URL at all", "no URL at all"},
      {"https://example.org/docs", "https://example.org/docs"},
      {"https://ann:hunter2@example.org/docs", "https://***@example.org/docs"},
      {"https://ghp_token@example.org/docs", "https://***@example.org/docs"},
      {"https://x:p@ss@example.org/docs", "https://***@example.org/docs"},
      {"ssh://git@example.org/docs", "ssh://git@example.org/docs"},
      {"fatal: unable to access 'https://ann:hunter2@example.org/docs/': no",
       "fatal: unable to access 'https://***@example.org/docs/': no"},
      {"from https://a:b@one.org/x to https://c:d@two.org/y",
       "from https://***@one.org/x to https://***@two.org/y"},
      {"https://example.org/docs mail ann@example.org",
       "https://example.org/docs mail ann@example.org"},
      {"https://example.org/a@b", "https://example.org/a@b"},
      {"https://", "https://"},
      {"https://ann:hunter2@", "https://***@"},
      {"see https://a:b@one.org\nand more@", "see https://***@one.org\nand more@"},
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(redact_urls(text), expected);
  }
}

}  // namespace
}  // namespace freshet
