#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "remote/git_errors.h"

namespace freshet::remote {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Error explain(const std::string& text) {
  ChildResult result;
  result.status = 128;
  result.error_text = text;
  return explain_git_failure(result);
}

struct Case {
  const char* text;  ///< as git, ssh and curl print it
  ErrorClass expected;
  const char* message;
};

class GitMessages : public ::testing::TestWithParam<Case> {};

TEST_P(GitMessages, SayWhatKindOfFailureItWas) {
  const Error error = explain(GetParam().text);
  EXPECT_EQ(to_string(error.error_class), to_string(GetParam().expected)) << error.message;
  EXPECT_THAT(error.message, StartsWith(GetParam().message));
}

constexpr const char* kRights =
    "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access "
    "rights\nand the repository exists.\n";
const std::string kNoKey =
    std::string("git@github.com: Permission denied (publickey).\n") + kRights;
const std::string kNoHostKey = std::string("Host key verification failed.\n") + kRights;
const std::string kRefused =
    std::string("ssh: connect to host 127.0.0.1 port 1: Connection refused\n") + kRights;
const std::string kGitHubMissing = std::string("ERROR: Repository not found.\n") + kRights;
const std::string kGitLabMissing =
    std::string(
        "remote: \nremote: =====\nremote: \nremote: ERROR: The project you were looking for could "
        "not be found or you don't have permission to view it.\nremote: \n") +
    kRights;
const std::string kLocalMissing =
    std::string("fatal: '/nope' does not appear to be a git repository\n") + kRights;
const std::string kUnknownSsh = std::string("some banner\n") + kRights;

INSTANTIATE_TEST_SUITE_P(
    Seen, GitMessages,
    ::testing::Values(
        Case{kNoKey.c_str(), ErrorClass::auth, "git@github.com: Permission denied"},
        Case{kNoHostKey.c_str(), ErrorClass::auth, "Host key verification failed.; add"},
        Case{kRefused.c_str(), ErrorClass::network, "ssh: connect to host"},
        Case{kGitHubMissing.c_str(), ErrorClass::not_found, "Repository not found."},
        Case{kGitLabMissing.c_str(), ErrorClass::not_found, "The project you were"},
        Case{kLocalMissing.c_str(), ErrorClass::not_found, "'/nope' does not appear"},
        Case{kUnknownSsh.c_str(), ErrorClass::protocol, "Could not read from remote"},
        Case{"fatal: could not read Username for 'https://github.com': terminal prompts disabled\n",
             ErrorClass::auth, "could not read Username"},
        Case{"remote: Invalid username or password.\nfatal: Authentication failed for "
             "'https://github.com/a/b.git/'\n",
             ErrorClass::auth, "Authentication failed"},
        Case{"remote: Write access to repository not granted.\nfatal: unable to access "
             "'https://github.com/a/b/': The requested URL returned error: 403\n",
             ErrorClass::auth, "unable to access"},
        Case{"fatal: repository 'http://127.0.0.1:8080/none.git/' not found\n",
             ErrorClass::not_found, "repository 'http"},
        Case{"fatal: couldn't find remote ref refs/heads/gone\n", ErrorClass::not_found,
             "couldn't find remote ref refs/heads/gone"},
        Case{"fatal: git upload-pack: not our ref 1111\nfatal: remote error: upload-pack: not our "
             "ref 1111\n",
             ErrorClass::not_found, "git upload-pack: not our ref"},
        Case{"error: Server does not allow request for unadvertised object 1111\n",
             ErrorClass::not_found, "Server does not allow"},
        Case{"fatal: remote error: access denied or repository not exported: /x\n",
             ErrorClass::not_found, "remote error"},
        Case{"fatal: unable to access 'https://nosuch.invalid/x/': Could not resolve host: "
             "nosuch.invalid\n",
             ErrorClass::network, "unable to access"},
        Case{"fatal: unable to access 'http://127.0.0.1:1/x/': Failed to connect to 127.0.0.1 port "
             "1 after 0 ms: Couldn't connect to server\n",
             ErrorClass::network, "unable to access"},
        Case{"fatal: unable to connect to 127.0.0.1:\n127.0.0.1[0: 127.0.0.1]: errno=Connection "
             "refused\n\n",
             ErrorClass::network, ""},
        Case{"fatal: unable to access 'https://h/x/': SSL certificate problem: self-signed "
             "certificate\n",
             ErrorClass::network, "unable to access"},
        Case{"fatal: unable to access 'https://h/x/': server certificate verification failed. "
             "CAfile: none CRLfile: none\n",
             ErrorClass::network, "unable to access"},
        Case{"ssh: connect to host h port 22: Connection timed out\n", ErrorClass::network, "ssh:"},
        Case{"error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec transferred the "
             "last 30 seconds\nfatal: expected flush after ref listing\n",
             ErrorClass::timeout, "RPC failed; curl 28"},
        Case{"fatal: unable to access 'http://h/x/': The requested URL returned error: 429\n",
             ErrorClass::rate_limited, "unable to access"},
        Case{"fatal: unable to access 'http://h/x/': The requested URL returned error: 502\n",
             ErrorClass::protocol, "unable to access"},
        Case{"error: RPC failed; curl 18 transfer closed with outstanding read data remaining\n"
             "error: 5 bytes of body are still expected\nfetch-pack: unexpected disconnect while "
             "reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack "
             "output\n",
             ErrorClass::protocol, "early EOF"},
        Case{
            "error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF\n",
            ErrorClass::network, "RPC failed; curl 56"},
        Case{"fatal: protocol error: bad line length character: hell\n", ErrorClass::protocol,
             "protocol error"},
        Case{"fatal: invalid server response; got 'hello'\n", ErrorClass::protocol,
             "invalid server"},
        Case{"error: inflate: data stream error (incorrect data check)\nfatal: pack has bad object "
             "at offset 12: inflate returned -3\nfatal: fetch-pack: invalid index-pack output\n",
             ErrorClass::corrupt, "inflate"},
        Case{"error: object 1234: treeNotSorted: not properly sorted\nfatal: fsck error in packed "
             "object\nfatal: fetch-pack: invalid index-pack output\n",
             ErrorClass::corrupt, "fsck error"},
        Case{"Permissions 0644 for '/etc/freshet/id_ed25519' are too open.\nThis private key will "
             "be "
             "ignored.\ngit@example.org: Permission denied (publickey).\n",
             ErrorClass::config,
             "Permissions 0644 for '/etc/freshet/id_ed25519' are too open.; ssh"},
        Case{"fatal: bad object 1234\nerror: /srv/x did not send all necessary objects\n\n",
             ErrorClass::corrupt, "/srv/x did not send all"},
        Case{"fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack "
             "output\n",
             ErrorClass::no_space, "write error"},
        Case{"fatal: Out of memory, malloc failed (tried to allocate 9999999999 bytes)\nfatal: "
             "fetch-pack: invalid index-pack output\n",
             ErrorClass::corrupt, "Out of memory"},
        Case{"fatal: transport 'ext' not allowed\n", ErrorClass::config, "transport 'ext'"},
        Case{"fatal: Unable to create '/m/shallow.lock': File exists.\n\nAnother git process seems "
             "to be running\n",
             ErrorClass::conflict, "Unable to create"},
        Case{"", ErrorClass::protocol, "git said nothing"}));

TEST(GitMessages, OfTheUpstreamCountLessThanGitsOwn) {
  EXPECT_EQ(explain("remote: fatal: No space left on device\nfatal: early EOF\n").error_class,
            ErrorClass::protocol);
}

TEST(GitMessages, AreNotMisledByTheNameOfARepository) {
  EXPECT_EQ(
      explain("fatal: '/srv/returned error: 401/tls' does not appear to be a git repository\n")
          .error_class,
      ErrorClass::not_found);
  EXPECT_EQ(explain("fatal: unable to access 'https://h/openssl/gnutls/': odd\n").error_class,
            ErrorClass::protocol);
}

TEST(GitMessages, HoldNoCredentialAndNoControlCharacter) {
  const Error error = explain(
      "fatal: unable to access 'https://user:hunter2@h/x/': \x1b[2JCould not resolve host\n");
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(error.message, Not(HasSubstr("\x1b")));
  EXPECT_THAT(error.message, HasSubstr("@h/x/"));
}

TEST(GitMessages, AreFoundBehindProgress) {
  EXPECT_THAT(explain("Receiving objects:  1% (1/100)\rReceiving objects:  2% (2/100)\r"
                      "fatal: the odd thing\nReceiving objects:  3% (3/100)\r")
                  .message,
              StartsWith("the odd thing"));
}

TEST(GitMessages, HoldNoPartOfACredentialThatACutWouldHide) {
  for (std::size_t front = 370; front <= 400; ++front) {
    const auto error = explain("fatal: " + std::string(front, 'x') + " https://me:secret@host/\n");
    EXPECT_THAT(error.message, Not(HasSubstr("me:"))) << front;
  }
}

TEST(GitMessages, AreNeverEmpty) {
  EXPECT_EQ(explain("\x01\x02\n\r\n").message, "git said nothing");
  EXPECT_EQ(explain("fatal: it broke\n\x01\n").message, "it broke");
}

TEST(GitMessages, AreCutToALengthThatAPersonReads) {
  EXPECT_LE(explain("fatal: " + std::string(5000, 'x') + "\n").message.size(), 500U);
}

struct EndCase {
  ChildResult::End end;
  ErrorClass expected;
};

class ChildEnds : public ::testing::TestWithParam<EndCase> {};

TEST_P(ChildEnds, HaveAClassWhateverGitSaid) {
  ChildResult result;
  result.end = GetParam().end;
  result.error_text = "fatal: Authentication failed\n";
  EXPECT_EQ(explain_git_failure(result).error_class, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, ChildEnds,
    ::testing::Values(EndCase{ChildResult::End::cancelled, ErrorClass::conflict},
                      EndCase{ChildResult::End::time_limit, ErrorClass::timeout},
                      EndCase{ChildResult::End::silence_limit, ErrorClass::timeout},
                      EndCase{ChildResult::End::output_limit, ErrorClass::protocol},
                      EndCase{ChildResult::End::killed, ErrorClass::internal}));

}  // namespace
}  // namespace freshet::remote
