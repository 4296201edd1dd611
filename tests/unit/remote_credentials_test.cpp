#include "remote/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/credential_match.h"
#include "base/files.h"
#include "remote/http_client.h"
#include "support/git_fixture.h"

namespace freshet::remote {
namespace {

using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;
using ::testing::Not;

UpstreamUrl url(std::string_view text) {
  return must(UpstreamUrl::parse(text));
}

bool covers(std::string_view match, std::string_view upstream) {
  return must(CredentialMatch::parse(match)).covers(url(upstream));
}

TEST(CredentialMatch, CoversTheUpstreamsItSays) {
  const std::pair<const char*, const char*> table[] = {
      {"https://github.com/acme/*", "https://github.com/acme/docs.git"},
      {"https://github.com/acme/*", "https://github.com/acme/group/docs"},
      {"https://GitHub.com/acme/*", "https://github.com/acme/docs"},
      {"HTTPS://github.com/acme/*", "https://GITHUB.com/acme/docs"},
      {"https://github.com/*", "https://github.com/acme/docs"},
      {"https://github.com/acme/docs", "https://github.com/acme/docs.git"},
      {"https://github.com/acme/docs.git", "https://github.com/acme/docs"},
      {"https://github.com/acme/docs/", "https://github.com/acme/docs.git/"},
      {"https://github.com/acme/*", "https://ann@github.com/acme/docs"},
      {"https://ann@github.com/acme/*", "https://github.com/acme/docs"},
      {"https://github.com:443/acme/*", "https://github.com/acme/docs"},
      {"https://github.com/acme/*", "https://github.com:443/acme/docs"},
      {"https://git.example:8443/*", "https://git.example:8443/acme/docs"},
      {"http://127.0.0.1:8080/*", "http://127.0.0.1:8080/docs.git"},
      {"https://[::1]:8443/*", "https://[::1]:8443/docs.git"},
      {"github.com/acme/*", "https://github.com/acme/docs"},
      {"github.com/acme/*", "ssh://git@github.com/acme/docs"},
      {"github.com/acme/*", "git@github.com:acme/docs.git"},
      {"github.com/acme/docs", "git@github.com:acme/docs.git"},
      {"git.example:2222/*", "ssh://git@git.example:2222/acme/docs"},
      {"git.example:8443/*", "https://git.example:8443/acme/docs"},
      {"ssh://github.com/acme/*", "git@github.com:acme/docs.git"},
      {"ssh://git@github.com/acme/*", "deploy@github.com:acme/docs.git"},
      {"git@github.com:acme/*", "git@github.com:acme/docs.git"},
      {"git@github.com:acme/*", "ssh://git@github.com:22/acme/docs"},
      {"git@github.com:*", "git@github.com:acme/docs.git"},
      {"github.com:acme/*", "ssh://github.com/acme/docs"},
      {"git@github.com:acme/docs.git", "ssh://git@github.com/acme/docs"},
  };
  for (const auto& [match, upstream] : table) {
    EXPECT_TRUE(covers(match, upstream)) << match << " " << upstream;
  }
}

TEST(CredentialMatch, CoversNothingElse) {
  const std::pair<const char*, const char*> table[] = {
      {"https://github.com/acme/*", "https://github.com/acme2/docs"},
      {"https://github.com/acme/*", "https://github.com/acme"},
      {"https://github.com/acme/docs", "https://github.com/acme/docs2"},
      {"https://github.com/acme/docs", "https://github.com/acme/docs/more"},
      {"https://github.com/acme/*", "https://github.com/Acme/docs"},
      {"https://github.com/acme/*", "http://github.com/acme/docs"},
      {"https://github.com/acme/*", "ssh://git@github.com/acme/docs"},
      {"https://github.com/acme/*", "https://github.com.evil.example/acme/docs"},
      {"https://github.com/acme/*", "https://evil.example/github.com/acme/docs"},
      {"https://github.com/acme/*", "https://github.com@evil.example/acme/docs"},
      {"https://github.com/acme/*", "https://github.com:8443/acme/docs"},
      {"https://git.example:8443/*", "https://git.example/acme/docs"},
      {"https://git.example:8443/*", "https://git.example:8444/acme/docs"},
      {"https://github.com/acme/*", "https://github.com/acme/../other/docs"},
      {"http://github.com/acme/*", "https://github.com/acme/docs"},
      {"github.com/acme/*", "http://github.com/acme/docs"},
      {"github.com/acme/*", "git://github.com/acme/docs"},
      {"github.com/acme/*", "/github.com/acme/docs"},
      {"git.example/*", "ssh://git.example:2222/acme/docs"},
      {"git@github.com:acme/*", "https://github.com/acme/docs"},
      {"git@github.com:acme/*", "git@github.com:acme2/docs"},
  };
  for (const auto& [match, upstream] : table) {
    EXPECT_FALSE(covers(match, upstream)) << match << " " << upstream;
  }
}

TEST(CredentialMatch, RefusesWhatCouldBeMeantInTwoWays) {
  for (const char* text :
       {"", "*", "https://*", "https://github.com*", "https://github.com/acme*",
        "https://*.example/acme/", "https://github.com/*/docs", "https://github.com",
        "https://github.com/", "github.com", "/srv/git/*", "file:///srv/git/*", "git://host/*",
        "ftp://host/*", "https://github.com/acme/**", "https://host:port/*", "a b/*"}) {
    const auto match = CredentialMatch::parse(text);
    ASSERT_FALSE(match) << text;
    EXPECT_EQ(match.error().error_class, ErrorClass::config);
  }
}

TEST(CredentialMatch, KeepsAPasswordOutOfItsMessage) {
  for (const char* text : {"https://ann:s3cret@host/*", "ann:s3cret@host/*", "ann:s3cret@host:a/*",
                           "https://s3cret@host/a*"}) {
    const auto match = CredentialMatch::parse(text);
    ASSERT_FALSE(match) << text;
    EXPECT_THAT(match.error().message, Not(HasSubstr("s3cret")));
  }
}

/// Serves nobody: these tests have no GitHub App.
class NoApi : public HttpClient {
 public:
  Result<HttpReply> send(const HttpRequest&, const TimeLimits&, const CancelToken&) override {
    ADD_FAILURE() << "nothing is to be asked";
    return HttpReply{};
  }
  void send_async(HttpRequest, const TimeLimits&, const CancelToken&, Done) override {
    ADD_FAILURE() << "nothing is to be asked";
  }
};

class CredentialsTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, std::string_view content) const {
    must(write_file_atomically(directory_ / name, content, 0600));
    return directory_ / name;
  }
  static CredentialSpec token(std::string match, std::string token_file) {
    CredentialSpec spec;
    spec.match = std::move(match);
    spec.token_file = std::move(token_file);
    return spec;
  }
  Result<std::optional<HttpLogin>> login(std::vector<CredentialSpec> specs, const char* upstream) {
    return Credentials(std::move(specs), api_).http_login(url(upstream), CancelToken());
  }
  /// The password shown, or "-".
  std::string password(std::vector<CredentialSpec> specs, const char* upstream) {
    const auto found = must(login(std::move(specs), upstream));
    return found ? std::string(found->password.reveal()) : "-";
  }

  TemporaryDirectory directory_;
  NoApi api_;
};

TEST_F(CredentialsTest, ShowATokenToWhomItIsForAndToNobodyElse) {
  const auto spec = token("github.com/acme/*", file("token", "t0ken\n"));
  const auto found = must(login({spec}, "https://github.com/acme/docs"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->username, "x-access-token");
  EXPECT_EQ(found->password.reveal(), "t0ken");
  EXPECT_EQ(basic_authorization(*found).reveal(), "Basic eC1hY2Nlc3MtdG9rZW46dDBrZW4=");
  for (const char* other :
       {"http://github.com/acme/docs", "https://github.com/other/docs", "https://example.org/a",
        "git@github.com:acme/docs", "/srv/git/docs.git", "git://github.com/acme/docs"}) {
    EXPECT_EQ(password({spec}, other), "-") << other;
  }
}

TEST_F(CredentialsTest, ShowTheUserNameThatWasSet) {
  auto by_token = token("https://github.com/*", file("token", "t0ken"));
  by_token.username = "oauth2";
  EXPECT_EQ(must(login({by_token}, "https://github.com/a/b"))->username, "oauth2");
  CredentialSpec by_password;
  by_password.match = "https://github.com/*";
  by_password.username = "ann";
  by_password.password_file = file("password", "p:ss w\xc3\xb6rd");
  const auto found = must(login({by_password}, "https://github.com/a/b"));
  EXPECT_EQ(found->username, "ann");
  EXPECT_EQ(found->password.reveal(), "p:ss w\xc3\xb6rd");
}

TEST_F(CredentialsTest, GoByTheLongestMatchInAnyOrder) {
  const auto host = token("https://github.com/*", file("host", "host"));
  const auto any_scheme = token("github.com/acme/*", file("any", "any scheme"));
  const auto owner = token("https://github.com/acme/*", file("owner", "owner"));
  const auto exact = token("https://github.com/acme/docs.git", file("exact", "exact"));
  const auto same = token("https://github.com/acme/*", file("same", "a second one"));
  const std::vector<std::vector<CredentialSpec>> orders{{host, any_scheme, owner, exact, same},
                                                        {exact, owner, same, any_scheme, host}};
  for (const auto& specs : orders) {
    EXPECT_EQ(password(specs, "https://github.com/acme/docs"), "exact");
    EXPECT_EQ(password(specs, "https://github.com/acme/docs2"), "owner");
    EXPECT_EQ(password(specs, "https://github.com/other/docs"), "host");
  }
}

TEST_F(CredentialsTest, AnswerEachQuestionByTheLongestMatchThatSaysSomethingAboutIt) {
  CredentialSpec authorities;
  authorities.match = "https://git.example/team/docs";
  authorities.ca_file = "/etc/ca.pem";
  CredentialSpec key;
  key.match = "git.example/team/*";
  key.ssh_key_file = "/etc/key";
  key.known_hosts_file = "/etc/known_hosts";
  Credentials credentials(
      {authorities, key, token("https://git.example/*", file("token", "t0ken"))}, api_);
  const UpstreamUrl https = url("https://git.example/team/docs");
  const UpstreamUrl ssh = url("git@git.example:team/docs");
  EXPECT_EQ(must(credentials.http_login(https, CancelToken()))->password.reveal(), "t0ken");
  EXPECT_EQ(credentials.ca_file(https), "/etc/ca.pem");
  EXPECT_EQ(credentials.ca_file(url("https://git.example/team/more")), "");
  EXPECT_EQ(credentials.ssh_login(https).key_file, "");
  EXPECT_EQ(credentials.ssh_login(ssh).key_file, "/etc/key");
  EXPECT_EQ(credentials.ssh_login(ssh).known_hosts_file, "/etc/known_hosts");
  EXPECT_EQ(credentials.ssh_login(url("git@git.example:other/docs")).key_file, "");
}

TEST_F(CredentialsTest, ReadFilesAnewAndSayWhetherThatHelps) {
  const std::string path = file("token", "old");
  Credentials credentials({token("https://github.com/*", path)}, api_);
  const UpstreamUrl upstream = url("https://github.com/acme/docs");
  const auto old = must(credentials.http_login(upstream, CancelToken()));
  EXPECT_FALSE(credentials.rejected(upstream, *old));
  file("token", "new");
  EXPECT_TRUE(credentials.rejected(upstream, *old));
  const auto fresh = must(credentials.http_login(upstream, CancelToken()));
  EXPECT_EQ(fresh->password.reveal(), "new");
  EXPECT_FALSE(credentials.rejected(upstream, *fresh));
  must(remove_tree(path));
  EXPECT_FALSE(credentials.rejected(upstream, *fresh));
  EXPECT_FALSE(credentials.rejected(url("https://example.org/docs"), *fresh));
}

TEST_F(CredentialsTest, RefuseASecretThatNoHeaderCarriesWithoutQuotingIt) {
  for (const char* content : {"s3cret\npassword=x", "s3cret\r", "s3cret\x01", "s3cret\n\n"}) {
    const auto refused =
        login({token("https://github.com/*", file("t", content))}, "https://github.com/a/b");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_class, ErrorClass::config);
    EXPECT_THAT(refused.error().message, HasSubstr(directory_ / "t"));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("s3cret")));
  }
  auto colon = token("https://github.com/*", file("t", "s3cret"));
  colon.username = "a:b";
  EXPECT_EQ(login({colon}, "https://github.com/a/b").error().error_class, ErrorClass::config);
}

TEST_F(CredentialsTest, NameTheFileThatIsMissing) {
  const auto missing =
      login({token("https://github.com/*", directory_ / "none")}, "https://github.com/a/b");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().error_class, ErrorClass::config);
  EXPECT_THAT(missing.error().message, HasSubstr(directory_ / "none"));
}

TEST_F(CredentialsTest, FindTheServiceManagersFilesForOtherProgramsToo) {
  CredentialSpec key;
  key.match = "git.example/*";
  key.ssh_key_file = "credential:key";
  key.known_hosts_file = "/etc/known_hosts";
  key.ca_file = "credential:ca";
  const Credentials credentials({key}, api_);
  const UpstreamUrl ssh = url("git@git.example:docs");
  EXPECT_EQ(credentials.ssh_login(ssh).key_file, "credential:key");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this test has one thread
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/freshet", 1), 0);
  const SshLogin found = credentials.ssh_login(ssh);
  const std::string ca_file = credentials.ca_file(url("https://git.example/docs"));
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  EXPECT_EQ(found.key_file, "/run/credentials/freshet/key");
  EXPECT_EQ(found.known_hosts_file, "/etc/known_hosts");
  EXPECT_EQ(ca_file, "/run/credentials/freshet/ca");
}

TEST_F(CredentialsTest, ThatCoverNothingAreNoObstacleForOthers) {
  ::testing::internal::CaptureStderr();
  const std::string found = password({token("https://ann:s3cret@github.com/*", file("bad", "bad")),
                                      token("https://github.com/*", file("good", "good"))},
                                     "https://github.com/a/b");
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(found, "good");
  EXPECT_THAT(logged, HasSubstr("covers nothing"));
  EXPECT_THAT(logged, Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace freshet::remote
