#include "remote/ssh_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "base/files.h"
#include "remote/git_errors.h"
#include "remote/git_login.h"
#include "support/git_fixture.h"
#include "support/ssh_server.h"

namespace freshet::remote {
namespace {

using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::run;
using freshet::testing::SshServer;
using freshet::testing::TemporaryDirectory;

class SshCommandTest : public ::testing::Test {
 protected:
  SshCommandTest() { tip_ = repository_.commit({{"page", "1"}}).hex(); }
  ~SshCommandTest() override { end_shared_connections(control_, environment_); }

  ChildResult list(const SshLogin& login, const std::string& control) const {
    const UpstreamUrl url = server_.url(repository_.path());
    ChildSpec child;
    child.arguments = {"git", "ls-remote", "--", url.text(), "HEAD"};
    GitLogin::over_ssh(url, login, control).give_to(child, environment_);
    child.time_limit = std::chrono::seconds(60);
    return must(run_child(child, CancelToken()));
  }
  /// A master that was told to end removes its socket a moment later.
  void end_connections() const {
    end_shared_connections(control_, environment_);
    const Instant deadline = now() + std::chrono::seconds(20);
    while (!must(list_directory(control_)).empty() && now() < deadline) {
      ::poll(nullptr, 0, 5);
    }
    EXPECT_TRUE(must(list_directory(control_)).empty());
  }
  void expect_listed(const SshLogin& login, const std::string& control) const {
    const ChildResult listed = list(login, control);
    EXPECT_EQ(listed.output, tip_ + "\tHEAD\n") << listed.error_text;
  }

  TemporaryDirectory directory_;
  const GitRepository repository_{directory_ / "site"};
  const SshServer server_;
  const GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  const std::string control_ = must(make_control_directory(directory_.path()));
  const SshLogin login_{server_.key("key"), server_.key("known_hosts")};
  std::string tip_;
};

TEST_F(SshCommandTest, SignsInWithAKeyWhateverItsPath) {
  expect_listed(login_, "");
}

TEST_F(SshCommandTest, RefusesAHostThatIsNotKnown) {
  const ChildResult refused = list({login_.key_file, "/dev/null"}, control_);
  ASSERT_FALSE(refused.succeeded());
  EXPECT_EQ(explain_git_failure(refused).error_class, ErrorClass::auth) << refused.error_text;
}

TEST_F(SshCommandTest, SharesOneConnectionUntilItIsEnded) {
  expect_listed(login_, control_);
  expect_listed(login_, control_);
  EXPECT_EQ(server_.connections(), 1);
  end_connections();
  expect_listed(login_, control_);
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(SshCommandTest, LendsNoConnectionToAnotherKey) {
  expect_listed(login_, control_);
  const ChildResult refused = list({server_.key("stranger"), login_.known_hosts_file}, control_);
  ASSERT_FALSE(refused.succeeded());
  EXPECT_EQ(explain_git_failure(refused).error_class, ErrorClass::auth) << refused.error_text;
}

TEST_F(SshCommandTest, WorksWithoutAPlaceForSockets) {
  expect_listed(login_, directory_ / std::string(100, 'd'));
  expect_listed(login_, directory_ / std::string(100, 'd'));
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(SshCommandTest, ReplacesTheSocketOfAConnectionThatDied) {
  expect_listed(login_, control_);
  const std::string socket = control_ + "/" + must(list_directory(control_)).at(0);
  end_connections();
  // As kill -9 leaves it: a socket's name without anybody behind it.
  ASSERT_TRUE(run({"python3", "-c",
                   "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", socket})
                  .succeeded());
  expect_listed(login_, control_);
  expect_listed(login_, control_);
  EXPECT_EQ(server_.connections(), 2);
}

}  // namespace
}  // namespace freshet::remote
