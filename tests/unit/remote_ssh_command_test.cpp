#include "remote/ssh_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "support/git_fixture.h"

namespace freshet::remote {
namespace {

using freshet::testing::must;
using freshet::testing::run;
using freshet::testing::TemporaryDirectory;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

UpstreamUrl url(std::string_view text) {
  return must(UpstreamUrl::parse(text));
}

const UpstreamUrl kDocs = url("git@git.example:acme/docs.git");

std::string control_path(const UpstreamUrl& upstream, const SshLogin& login) {
  for (const std::string& word : ssh_arguments(upstream, login, "/var/lib/freshet/ssh")) {
    if (word.starts_with("ControlPath=")) {
      return word;
    }
  }
  return "";
}

TEST(SshArguments, AlwaysHoldTheGuards) {
  for (const SshLogin& login : {SshLogin{}, SshLogin{"/k", "/h"}}) {
    const auto words = ssh_arguments(kDocs, login, "/var/lib/freshet/ssh");
    EXPECT_EQ(words.front(), "ssh");
    for (const char* guard : {"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20",
                              "ServerAliveInterval=15", "ForwardAgent=no", "PermitLocalCommand=no",
                              "ControlMaster=auto", "ControlPersist=60"}) {
      EXPECT_THAT(words, Contains(guard));
    }
  }
}

TEST(SshArguments, OfferTheKeyAndTrustTheHostsOfTheLoginAlone) {
  const auto words = ssh_arguments(kDocs, {"/etc/deploy key", "/etc/100%/hosts"}, "");
  EXPECT_THAT(words, Contains("IdentitiesOnly=yes"));
  EXPECT_THAT(words, Contains("IdentityFile=\"/etc/deploy key\""));
  EXPECT_THAT(words, Contains("UserKnownHostsFile=\"/etc/100%%/hosts\""));
  EXPECT_THAT(words, Contains("GlobalKnownHostsFile=/dev/null"));
}

TEST(SshArguments, LeaveTheUsersKeysAndHostsWhereNoneAreGiven) {
  const auto words = ssh_arguments(kDocs, {}, "");
  EXPECT_THAT(words, Not(Contains("IdentitiesOnly=yes")));
  EXPECT_THAT(words, Not(Contains(HasSubstr("KnownHostsFile"))));
}

TEST(SshArguments, ShareAConnectionOnlyWithTheSameServerAndLogin) {
  const SshLogin login{"/etc/key", "/etc/hosts"};
  const std::string docs = control_path(kDocs, login);
  EXPECT_THAT(docs, StartsWith("ControlPath=\"/var/lib/freshet/ssh/"));
  EXPECT_EQ(docs, control_path(url("ssh://git@git.example/acme/site"), login));
  EXPECT_NE(docs, control_path(url("ssh://git@git.example:2222/acme/site"), login));
  EXPECT_NE(docs, control_path(url("ssh://ann@git.example/acme/site"), login));
  EXPECT_NE(docs, control_path(url("ssh://git@other.example/acme/site"), login));
  EXPECT_NE(docs, control_path(kDocs, {"/etc/other_key", "/etc/hosts"}));
  EXPECT_NE(docs, control_path(kDocs, {"/etc/key", "/etc/other_hosts"}));
  EXPECT_NE(docs, control_path(kDocs, {}));
}

TEST(SshArguments, ShareNothingWhereASocketsNameWouldBeTooLong) {
  EXPECT_THAT(ssh_arguments(kDocs, {}, std::string(73, 'd')), Contains("ControlMaster=auto"));
  for (const std::string& directory : {std::string(74, 'd'), std::string()}) {
    const auto words = ssh_arguments(kDocs, {}, directory);
    EXPECT_THAT(words, Contains("ControlPath=none"));
    EXPECT_THAT(words, Not(Contains("ControlMaster=auto")));
  }
}

TEST(ShellLine, KeepsEveryWordWhole) {
  const std::vector<std::string> words{
      "plain-word_1.2:/=", "two words",   "it's", "\"q\"", "$HOME", "`id`", "back\\slash", "",
      "line\nend",         "* ? ~ ; & |", "#",    "~",     "'"};
  std::string expected;
  for (const std::string& word : words) {
    expected += "<" + word + ">";
  }
  EXPECT_EQ(run({"sh", "-c", "printf '<%s>' " + shell_line(words)}).output, expected);
}

class ControlDirectory : public ::testing::Test {
 protected:
  unsigned mode() const {
    struct stat status {};
    return ::stat((state_ / "ssh").c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  TemporaryDirectory state_;
};

TEST_F(ControlDirectory, IsForThisUserAlone) {
  EXPECT_EQ(must(make_control_directory(state_.path())), state_ / "ssh");
  EXPECT_EQ(mode(), 0700U);
  ASSERT_EQ(::chmod((state_ / "ssh").c_str(), 0777), 0);
  must(make_control_directory(state_.path()));
  EXPECT_EQ(mode(), 0700U);
}

TEST_F(ControlDirectory, IsNoLinkAndNoFile) {
  must(make_directories(state_ / "elsewhere"));
  ASSERT_EQ(::symlink((state_ / "elsewhere").c_str(), (state_ / "ssh").c_str()), 0);
  EXPECT_EQ(make_control_directory(state_.path()).error().error_class, ErrorClass::config);
  must(remove_tree(state_ / "ssh"));
  must(write_new_file(state_ / "ssh", ""));
  EXPECT_EQ(make_control_directory(state_.path()).error().error_class, ErrorClass::config);
}

}  // namespace
}  // namespace freshet::remote
