#include "base/subprocess.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using End = ChildResult::End;

constexpr int kPatienceMillis = 30'000;

/// A process to be watched, whoever its parent is.
class Watched {
 public:
  explicit Watched(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}
  bool ends() const {
    pollfd fd{fd_.get(), POLLIN, 0};
    return fd_.valid() && ::poll(&fd, 1, kPatienceMillis) == 1;
  }

 private:
  UniqueFd fd_;
};

ChildSpec shell(const std::string& script) {
  ChildSpec spec;
  spec.arguments = {"sh", "-c", script};
  spec.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
  return spec;
}

/// Writes into `watched` the process whose number the child says on its standard error.
void watch_announced(ChildSpec& spec, std::optional<Watched>& watched) {
  spec.on_error_line = [&](std::string_view line) {
    watched.emplace(static_cast<pid_t>(std::stoi(std::string(line))));
  };
}

/// From here on this process and its children have no pidfd_open(2), as on an old kernel.
bool forgets_pidfd_open() {
  std::array<sock_filter, 4> steps{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{steps.size(), steps.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 &&
         ::syscall(SYS_pidfd_open, ::getpid(), 0U) < 0;
}

class SubprocessTest : public ::testing::Test {
 protected:
  // As every command of the program has it.
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }

  ChildResult run(const ChildSpec& spec) { return must(run_child(spec, cancel_)); }

  TemporaryDirectory directory_;
  CancelToken cancel_;
};

TEST_F(SubprocessTest, GivesOutputErrorsAndStatusApart) {
  const ChildResult result = run(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.end, End::exited);
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error_text, "err\n");
  EXPECT_FALSE(result.succeeded());
  EXPECT_TRUE(run(shell("true")).succeeded());
}

TEST_F(SubprocessTest, KeepsOnlyTheEndOfALongErrorText) {
  const ChildResult result = run(shell("yes error | head -c 1000000 >&2; printf last >&2"));
  EXPECT_TRUE(result.succeeded());
  EXPECT_LE(result.error_text.size(), 16U << 10U);
  EXPECT_GE(result.error_text.size(), 8U << 10U);
  EXPECT_TRUE(result.error_text.ends_with("last"));
}

TEST_F(SubprocessTest, HandsErrorLinesOnWhileTheChildRuns) {
  ChildSpec spec = shell(R"(printf '10%%\r20%%\rdone\n\nlast' >&2)");
  std::vector<std::string> lines;
  spec.on_error_line = [&](std::string_view line) { lines.emplace_back(line); };
  run(spec);
  EXPECT_THAT(lines, ElementsAre("10%", "20%", "done", "last"));
}

TEST_F(SubprocessTest, MovesMoreThanPipesHoldInBothDirections) {
  ChildSpec spec = shell("cat");
  for (int i = 0; spec.input.size() < 4U << 20U; ++i) {
    spec.input += std::to_string(i) + "\n";
  }
  EXPECT_EQ(run(spec).output, spec.input);
}

TEST_F(SubprocessTest, ClosesTheInputBehindItsEnd) {
  EXPECT_EQ(run(shell("cat; echo end")).output, "end\n");
}

TEST_F(SubprocessTest, BearsAChildThatDoesNotReadItsInput) {
  ChildSpec spec = shell("exec true");
  spec.input.assign(4U << 20U, 'x');
  EXPECT_TRUE(run(spec).succeeded());
}

TEST_F(SubprocessTest, SaysWhichSignalKilledAChild) {
  for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    const ChildResult result = run(shell("kill -" + std::to_string(number) + " $$"));
    EXPECT_EQ(result.end, End::killed) << number;
    EXPECT_EQ(result.status, number);
  }
}

TEST_F(SubprocessTest, SaysSoToAThreadThatBlocksTheSignal) {
  sigset_t signals;
  sigset_t before;
  ::sigfillset(&signals);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const auto result = run_child(shell("kill -" + std::to_string(number) + " $$"), cancel_);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->succeeded()) << number;
    EXPECT_EQ(result->end, End::killed) << number;
    EXPECT_EQ(result->status, number);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(SubprocessTest, GivesTheChildNoBlockedAndNoIgnoredSignal) {
  sigset_t signals;
  sigset_t before;
  ::sigfillset(&signals);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  ChildSpec spec;
  spec.arguments = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  const auto result = run_child(spec, cancel_);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->output, HasSubstr("SigBlk:\t0000000000000000\n"));
  // Signals 13 (PIPE) and 15 (TERM).
  std::istringstream text(result->output.substr(result->output.find("SigIgn:") + 7));
  std::uint64_t ignored = 0;
  text >> std::hex >> ignored;
  EXPECT_EQ(ignored & (1U << 12U | 1U << 14U), 0U);
}

TEST_F(SubprocessTest, EndsAChildAtItsTimeLimit) {
  ChildSpec spec = shell("while :; do echo still here; sleep 0.01; done");
  spec.time_limit = 100ms;
  const Instant begin = now();
  const ChildResult result = run(spec);
  EXPECT_EQ(result.end, End::time_limit);
  EXPECT_FALSE(result.succeeded());
  EXPECT_THAT(result.output, HasSubstr("still here"));
  EXPECT_GE(now() - begin, 100ms);
}

TEST_F(SubprocessTest, EndsASilentChildAndLetsATalkingOneLive) {
  ChildSpec silent = shell("echo begun; exec sleep 1000");
  silent.silence_limit = 100ms;
  EXPECT_EQ(run(silent).end, End::silence_limit);
  ChildSpec talking = shell("for i in 1 2 3 4 5 6; do sleep 0.4; echo $i >&2; done");
  talking.silence_limit = 2s;
  EXPECT_TRUE(run(talking).succeeded()) << "longer in all, never that long silent";
}

TEST_F(SubprocessTest, IsCancelledFromAnotherThread) {
  std::mutex mutex;
  std::condition_variable changed;
  bool running = false;
  ChildSpec spec = shell("echo running >&2; exec sleep 1000");
  spec.on_error_line = [&](std::string_view) {
    const std::lock_guard lock(mutex);
    running = true;
    changed.notify_one();
  };
  std::thread other([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running; });
    cancel_.cancel();
  });
  const ChildResult result = run(spec);
  other.join();
  EXPECT_EQ(result.end, End::cancelled);
}

TEST_F(SubprocessTest, CancelledBeforeItBeganEndsAtOnce) {
  cancel_.cancel();
  EXPECT_EQ(run(shell("exec sleep 1000")).end, End::cancelled);
}

TEST_F(SubprocessTest, ChildrenThatTidyUpGetTheirGrace) {
  ChildSpec spec =
      shell("trap 'echo tidied; exit 0' TERM; echo ready >&2; while :; do sleep 0.01; done");
  spec.grace = 60s;
  spec.on_error_line = [&](std::string_view) { cancel_.cancel(); };
  const ChildResult result = run(spec);
  EXPECT_EQ(result.end, End::cancelled) << "whatever its own status";
  EXPECT_EQ(result.output, "tidied\n");
}

TEST_F(SubprocessTest, KillsAChildThatIgnoresTermAfterTheGrace) {
  ChildSpec spec = shell("trap '' TERM; echo ready >&2; while :; do sleep 0.01; done");
  spec.grace = 200ms;
  Instant cancelled;
  spec.on_error_line = [&](std::string_view) {
    cancelled = now();
    cancel_.cancel();
  };
  const ChildResult result = run(spec);
  EXPECT_EQ(result.end, End::cancelled);
  EXPECT_GE(now() - cancelled, 200ms);
}

TEST_F(SubprocessTest, EndsGrandchildrenWithACancelledChild) {
  std::optional<Watched> grandchild;
  ChildSpec spec = shell("sleep 1000 & echo $! >&2; wait");
  watch_announced(spec, grandchild);
  const auto watch = spec.on_error_line;
  spec.on_error_line = [&](std::string_view line) {
    watch(line);
    cancel_.cancel();
  };
  EXPECT_EQ(run(spec).end, End::cancelled);
  ASSERT_TRUE(grandchild);
  EXPECT_TRUE(grandchild->ends());
}

TEST_F(SubprocessTest, EndsGrandchildrenThatOutliveTheirParentAndDoesNotWaitForTheirOutput) {
  std::optional<Watched> grandchild;
  // It holds all three pipes open, and ignores TERM.
  ChildSpec spec = shell("(trap '' TERM; exec sleep 1000) & echo $! >&2; echo done");
  watch_announced(spec, grandchild);
  const ChildResult result = run(spec);
  EXPECT_TRUE(result.succeeded());
  EXPECT_EQ(result.output, "done\n");
  ASSERT_TRUE(grandchild);
  EXPECT_TRUE(grandchild->ends());
}

TEST_F(SubprocessTest, EndsTheWholeGroupWhenThisProcessDies) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd from(ends[0]);
  const pid_t process = ::fork();
  if (process == 0) {
    ChildSpec spec = shell("sleep 1000 & echo $! >&2; wait");
    spec.on_error_line = [&](std::string_view line) {
      const std::string text = std::string(line) + "\n";
      [[maybe_unused]] const ssize_t written = ::write(ends[1], text.data(), text.size());
    };
    static_cast<void>(run_child(spec, cancel_));
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string number(32, '\0');
  ASSERT_GT(::read(from.get(), number.data(), number.size()), 0);
  const Watched grandchild(std::stoi(number));
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
  EXPECT_TRUE(grandchild.ends());
}

TEST_F(SubprocessTest, RunsChildrenWithoutDescriptorsOfProcesses) {
  const pid_t process = ::fork();
  if (process == 0) {
    if (!forgets_pidfd_open()) {
      ::_exit(2);
    }
    const auto result = run_child(shell("cat >/dev/null; echo out; exit 7"), cancel_);
    const bool as_told =
        result && result->end == End::exited && result->status == 7 && result->output == "out\n";
    ::_exit(as_told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  EXPECT_EQ(status, 0)
      << "1: the child was not run to its end, 2: the call could not be taken away";
}

TEST_F(SubprocessTest, LeavesNoZombie) {
  for (int i = 0; i < 20; ++i) {
    run(shell("true & true"));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

/// What the child's descriptors lead to, without the one that lists them.
std::vector<std::string> descriptors_of_child(ChildSpec spec) {
  spec.arguments = {"ls", "-l", "/proc/self/fd"};
  const ChildResult result = must(run_child(spec, CancelToken()));
  std::vector<std::string> found;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t arrow = line.find(" -> ");
    if (arrow != std::string::npos && line.find("/proc/", arrow) == std::string::npos) {
      found.push_back(line.substr(line.rfind(' ', arrow - 1) + 1));
    }
  }
  return found;
}

TEST_F(SubprocessTest, InheritsNothingButTheNamedDescriptors) {
  // Without O_CLOEXEC, as a library could have opened them.
  std::vector<UniqueFd> open;
  for (int i = 0; i < 20; ++i) {
    open.emplace_back(::open("/dev/null", O_RDONLY));
  }
  const std::string file = directory_ / "kept";
  const UniqueFd kept(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const UniqueFd far(::fcntl(kept.get(), F_DUPFD_CLOEXEC, 500));
  ASSERT_EQ(far.get(), 500);
  EXPECT_EQ(descriptors_of_child({}).size(), 3U);
  ChildSpec spec;
  spec.descriptors = {far.get(), kept.get()};
  const auto found = descriptors_of_child(spec);
  ASSERT_EQ(found.size(), 5U);
  EXPECT_THAT(found, ::testing::Contains(std::to_string(kept.get()) + " -> " + file));
  EXPECT_THAT(found, ::testing::Contains("500 -> " + file));
}

TEST_F(SubprocessTest, SharesNoDescriptorBetweenChildrenOfDifferentThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 10; ++j) {
        EXPECT_EQ(descriptors_of_child({}).size(), 3U);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(SubprocessTest, HasExactlyTheGivenEnvironment) {
  ASSERT_EQ(::setenv("FRESHET_TEST_LEAK", "1", 1), 0);
  ChildSpec spec;
  spec.arguments = {"env"};
  spec.environment = {"B=2", "PATH=/usr/bin:/bin", "A=x y=z", "EMPTY="};
  EXPECT_EQ(run(spec).output, "B=2\nPATH=/usr/bin:/bin\nA=x y=z\nEMPTY=\n");
  spec.environment.clear();
  EXPECT_EQ(run(spec).output, "");
  ::unsetenv("FRESHET_TEST_LEAK");
}

TEST_F(SubprocessTest, FindsProgramsByThePathOfTheGivenEnvironment) {
  must(write_file_atomically(directory_ / "tool", "#!/bin/sh\necho mine\n", 0755));
  must(make_directories(directory_ / "later"));
  ChildSpec spec;
  spec.arguments = {"tool"};
  spec.environment = {"PATH=/nowhere::" + directory_ / "later" + ":" + directory_.path()};
  EXPECT_EQ(run(spec).output, "mine\n");
  spec.environment = {"PATH=/nowhere"};
  EXPECT_FALSE(run_child(spec, cancel_));
}

TEST_F(SubprocessTest, RunsInTheGivenDirectory) {
  ChildSpec spec = shell("pwd -P");
  spec.directory = directory_.path();
  EXPECT_EQ(run(spec).output, directory_.path() + "\n");
  spec.directory = directory_ / "none";
  EXPECT_FALSE(run_child(spec, cancel_));
}

TEST_F(SubprocessTest, PassesArgumentsAsTheyAre) {
  ChildSpec spec;
  spec.arguments = {"printf", "%s\n", "a b", "", "$HOME", "*", "\xff", "-x"};
  EXPECT_EQ(run(spec).output, "a b\n\n$HOME\n*\n\xff\n-x\n");
}

TEST_F(SubprocessTest, AProgramThatCannotBeRunIsAnErrorThatNamesIt) {
  must(write_file_atomically(directory_ / "text", "no program", 0644));
  for (const std::string& program : {std::string("freshet-no-such-program"), directory_ / "none",
                                     directory_ / "text", directory_.path()}) {
    ChildSpec spec;
    spec.arguments = {program};
    const auto result = run_child(spec, cancel_);
    ASSERT_FALSE(result) << program;
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
    EXPECT_THAT(result.error().message, HasSubstr(program));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "reaped all the same";
}

TEST_F(SubprocessTest, EndsAChildThatSaysTooMuch) {
  ChildSpec spec = shell("exec yes");
  spec.output_limit = 100'000;
  const ChildResult result = run(spec);
  EXPECT_EQ(result.end, End::output_limit);
  EXPECT_FALSE(result.succeeded());
  EXPECT_LE(result.output.size(), 100'000U);
  ChildSpec exact = shell("head -c 100000 /dev/zero");
  exact.output_limit = 100'000;
  EXPECT_TRUE(run(exact).succeeded());
  EXPECT_EQ(run(exact).output.size(), 100'000U);
}

TEST_F(SubprocessTest, LimitsTheChildsMemory) {
  ChildSpec spec = shell("ulimit -v");
  spec.memory_limit = 1U << 30U;
  EXPECT_EQ(run(spec).output, "1048576\n");
  spec.memory_limit = 0;
  EXPECT_EQ(run(spec).output, "unlimited\n");
}

TEST_F(SubprocessTest, RunsManyAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      ChildSpec spec = shell("read line; echo got $line; exit " + std::to_string(i));
      spec.input = std::to_string(i) + "\n";
      const auto result = run_child(spec, cancel_);
      ASSERT_TRUE(result);
      EXPECT_EQ(result->output, "got " + std::to_string(i) + "\n");
      EXPECT_EQ(result->status, i);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// --- without a supervisor ---

class DirectChildTest : public SubprocessTest {
 protected:
  ChildSpec direct(const std::string& script) {
    ChildSpec spec = shell(script);
    spec.ends_with_input = true;
    return spec;
  }
};

TEST_F(DirectChildTest, GetsWhatItIsGivenAndNothingElse) {
  const UniqueFd kept(::open((directory_ / "kept").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const UniqueFd other(::open("/dev/null", O_RDONLY));  // without close-on-exec
  ChildSpec spec = direct("cat; pwd; env | sort; ls /proc/self/fd | tr '\\n' ' '; echo kept >&3");
  spec.environment.emplace_back("ONLY=this");
  spec.directory = directory_.path();
  spec.input = "in\n";
  spec.descriptors = {kept.get()};
  const ChildResult result = run(spec);
  EXPECT_TRUE(result.succeeded()) << result.error_text;
  EXPECT_EQ(result.output, "in\n" + directory_.path() +
                               "\nLC_ALL=C\nONLY=this\nPATH=/usr/bin:/bin\nPWD=" +
                               directory_.path() + "\n0 1 2 3 4 ");  // 4: ls's own
  EXPECT_EQ(must(read_file(directory_ / "kept", 100)), "kept\n");
}

TEST_F(DirectChildTest, SaysHowItEnded) {
  EXPECT_EQ(run(direct("exit 3")).status, 3);
  const ChildResult killed = run(direct("kill -9 $$"));
  EXPECT_EQ(killed.end, End::killed);
  EXPECT_EQ(killed.status, SIGKILL);
  EXPECT_EQ(run(direct("echo oops >&2; exit 1")).error_text, "oops\n");
}

TEST_F(DirectChildTest, AProgramThatIsNotThereIsAnError) {
  ChildSpec spec = direct("");
  spec.arguments = {"no-such-program"};
  const auto result = run_child(spec, cancel_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("cannot run no-such-program"));
}

TEST_F(DirectChildTest, ReachesItsLimitWithItsWholeGroup) {
  std::optional<Watched> grandchild;
  ChildSpec spec = direct("sleep 1000 & echo $! >&2; wait");
  watch_announced(spec, grandchild);
  spec.time_limit = 300ms;
  spec.grace = 100ms;
  EXPECT_EQ(run(spec).end, End::time_limit);
  ASSERT_TRUE(grandchild);
  EXPECT_TRUE(grandchild->ends());
}

TEST_F(DirectChildTest, CannotHaveMoreMemoryThanItMayAskFor) {
  ChildSpec spec = direct("read -r go; exec head -c 200m /dev/zero | tail -c 200m | wc -c");
  spec.input = "go\n";
  spec.memory_limit = 64U << 20U;
  EXPECT_THAT(run(spec).error_text, HasSubstr("memory exhausted"));
}

TEST_F(DirectChildTest, IgnoresNoSignalThatWeIgnore) {
  EXPECT_EQ(run(direct("kill -PIPE $$; exit 0")).end, End::killed);
}

}  // namespace
}  // namespace freshet
