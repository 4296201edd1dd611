#include "base/piped_child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using freshet::testing::must;
using ::testing::EndsWith;
using ::testing::SizeIs;
using End = ChildResult::End;

constexpr Duration kPatient = 60s;

class PipedChildTest : public ::testing::Test {
 protected:
  PipedChildTest() { ::signal(SIGPIPE, SIG_IGN); }

  static PipedChild start(const std::string& script, Duration grace = 2s) {
    PipedChild::Spec spec;
    spec.arguments = {"sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin", "WORD=given"};
    spec.grace = grace;
    return must(PipedChild::start(spec));
  }
  static void tell(const PipedChild& child, const std::string& words) {
    EXPECT_EQ(::write(child.input(), words.data(), words.size()),
              static_cast<ssize_t>(words.size()));
  }
  /// What comes up to this many lines, or the end.
  static std::string hear(const PipedChild& child, long lines) {
    std::string heard;
    std::array<char, 4096> buffer{};
    while (std::count(heard.begin(), heard.end(), '\n') < lines) {
      pollfd fd{child.output(), POLLIN, 0};
      EXPECT_EQ(::poll(&fd, 1, 60'000), 1);
      const ssize_t count = ::read(child.output(), buffer.data(), buffer.size());
      if (count <= 0) {
        break;
      }
      heard.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return heard;
  }
  static bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }
};

TEST_F(PipedChildTest, AnswersWhatItIsTold) {
  PipedChild child = start("echo $WORD; while read line; do echo \"got $line\"; done; exit 3");
  EXPECT_EQ(hear(child, 1), "given\n");
  tell(child, "one\n");
  EXPECT_EQ(hear(child, 1), "got one\n");
  tell(child, "two\nthree\n");
  EXPECT_EQ(hear(child, 2), "got two\ngot three\n");
  const ChildResult result = child.finish(kPatient);
  EXPECT_EQ(result.end, End::exited);
  EXPECT_EQ(result.status, 3);
}

TEST_F(PipedChildTest, HasNothingOfOurs) {
  ::setenv("SECRET", "x", 1);                           // NOLINT(concurrency-mt-unsafe)
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // NOLINT: not closed on exec
  PipedChild child = start("echo ${SECRET-none}; pwd; exec ls /proc/self/fd");
  const std::string heard = hear(child, 1000);
  EXPECT_THAT(heard, ::testing::StartsWith("none\n/\n"));
  // ls has the directory open as well.
  EXPECT_EQ(heard.substr(heard.find("\n/\n") + 3), "0\n1\n2\n3\n");
  ::unsetenv("SECRET");  // NOLINT(concurrency-mt-unsafe)
}

TEST_F(PipedChildTest, KeepsTheEndOfWhatItComplainsOf) {
  PipedChild child = start("yes complaint | head -c 200000 >&2; echo last >&2; cat");
  const ChildResult result = child.finish(kPatient);
  EXPECT_THAT(result.error_text, EndsWith("complaint\nlast\n"));
  EXPECT_THAT(result.error_text, SizeIs(8192));
}

TEST_F(PipedChildTest, EndsWithAllThatItStarted) {
  pid_t helper = 0;
  pid_t self = 0;
  {
    const PipedChild child = start("trap '' HUP; sleep 1000 & echo $!; echo $$; wait");
    const std::string heard = hear(child, 2);
    helper = static_cast<pid_t>(std::stol(heard));
    self = static_cast<pid_t>(std::stol(heard.substr(heard.find('\n') + 1)));
    EXPECT_TRUE(exists(helper));
  }
  EXPECT_FALSE(exists(self));
  const UniqueFd orphan(static_cast<int>(::syscall(SYS_pidfd_open, helper, 0U)));
  pollfd fd{orphan.get(), POLLIN, 0};
  EXPECT_TRUE(!orphan.valid() || ::poll(&fd, 1, 60'000) == 1);
}

TEST_F(PipedChildTest, IsKilledWhenItDoesNotListen) {
  PipedChild child = start("trap '' TERM; echo ready; while :; do sleep 1; done", 10ms);
  hear(child, 1);
  const ChildResult result = child.finish(Duration(0));
  EXPECT_EQ(result.end, End::killed);
  EXPECT_EQ(result.status, SIGKILL);
}

TEST_F(PipedChildTest, NeedsAProgram) {
  PipedChild::Spec spec;
  spec.arguments = {"no-such-program-of-ours"};
  const auto child = PipedChild::start(spec);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().error_class, ErrorClass::config);
}

TEST_F(PipedChildTest, HasNoMoreMemoryThanItMay) {
  PipedChild::Spec spec;
  spec.arguments = {"sh", "-c", "read go; ulimit -v"};
  spec.environment = {"PATH=/usr/bin:/bin"};
  spec.memory_limit = std::uint64_t{1} << 30U;
  PipedChild child = must(PipedChild::start(spec));
  tell(child, "go\n");
  EXPECT_EQ(hear(child, 1), "1048576\n");
}

}  // namespace
}  // namespace freshet
