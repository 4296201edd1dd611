#include "base/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;

std::string this_process() {
  return "process " + std::to_string(::getpid());
}

class FileLockTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string path_ = directory_ / "lock";
};

TEST_F(FileLockTest, IsHeldByOneAndNamesTheHolder) {
  EXPECT_EQ(FileLock::holder(path_), "") << "not there yet";
  {
    const FileLock lock = must(FileLock::acquire(path_));
    EXPECT_EQ(FileLock::holder(path_), this_process());
    const auto second = FileLock::acquire(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().error_class, ErrorClass::conflict);
    EXPECT_THAT(second.error().message, HasSubstr(this_process()));
    EXPECT_THAT(second.error().message, HasSubstr(path_));
  }
  EXPECT_EQ(FileLock::holder(path_), "") << "the file stays, the lock does not";
  EXPECT_TRUE(path_exists(path_));
  EXPECT_TRUE(FileLock::acquire(path_));
}

TEST_F(FileLockTest, IsFreeOnceItsHolderWasKilled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const auto lock = FileLock::acquire(path_);
    [[maybe_unused]] const ssize_t written = ::write(to.get(), lock ? "y" : "n", 1);
    for (;;) {
      ::pause();
    }
  }
  char answer = 0;
  ASSERT_EQ(::read(from.get(), &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_EQ(FileLock::holder(path_), "process " + std::to_string(holder));
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_TRUE(FileLock::acquire(path_)) << "however long the text of the last holder stays";
}

TEST_F(FileLockTest, AChildThatInheritsItKeepsIt) {
  std::optional<FileLock> lock = must(FileLock::acquire(path_));
  const CancelToken cancel;
  ChildSpec spec;
  spec.arguments = {"sh", "-c", "echo ready >&2; exec sleep 1000"};
  spec.environment = {"PATH=/usr/bin:/bin"};
  spec.descriptors = {lock->descriptor()};
  std::string refusal;
  spec.on_error_line = [&](std::string_view) {
    lock.reset();
    const auto second = FileLock::acquire(path_);
    refusal = second ? "it was free" : second.error().message;
    cancel.cancel();
  };
  must(run_child(spec, cancel));
  EXPECT_THAT(refusal, HasSubstr("is held by"));
  EXPECT_TRUE(FileLock::acquire(path_)) << "the child is gone";
}

TEST_F(FileLockTest, OtherChildrenDoNotKeepIt) {
  std::optional<FileLock> lock = must(FileLock::acquire(path_));
  const CancelToken cancel;
  ChildSpec spec;
  spec.arguments = {"sh", "-c", "echo ready >&2; exec sleep 1000"};
  spec.environment = {"PATH=/usr/bin:/bin"};
  bool free = false;
  spec.on_error_line = [&](std::string_view) {
    lock.reset();
    free = FileLock::acquire(path_).has_value();
    cancel.cancel();
  };
  must(run_child(spec, cancel));
  EXPECT_TRUE(free);
}

TEST_F(FileLockTest, PatienceWaitsForTheHolderToLetGo) {
  std::optional<FileLock> lock = must(FileLock::acquire(path_));
  std::atomic<bool> trying{false};
  std::thread other([&] {
    trying = true;
    EXPECT_TRUE(FileLock::acquire(path_, 60s));
  });
  while (!trying) {
    std::this_thread::yield();
  }
  lock.reset();
  other.join();
}

TEST_F(FileLockTest, PatienceHasItsEnd) {
  const FileLock lock = must(FileLock::acquire(path_));
  const Instant begin = now();
  EXPECT_FALSE(FileLock::acquire(path_, 50ms));
  EXPECT_GE(now() - begin, 50ms);
}

TEST_F(FileLockTest, OfAnImpossiblePlaceIsAnError) {
  const auto result = FileLock::acquire(directory_ / "none/lock");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::config);
  EXPECT_THAT(result.error().message, HasSubstr("none/lock"));
}

TEST_F(FileLockTest, OneThreadAtATimeIsInside) {
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        const auto lock = FileLock::acquire(path_, 60s);
        ASSERT_TRUE(lock);
        EXPECT_EQ(++inside, 1);
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace freshet
