#include "base/piped_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/pipe.h"
#include "base/spawn.h"

namespace freshet {
namespace {

constexpr std::size_t kErrorTail = 8192;

}  // namespace

Result<PipedChild> PipedChild::start(const Spec& spec) {
  FRESHET_TRY(Pipe input, make_pipe());
  FRESHET_TRY(Pipe output, make_pipe());
  FRESHET_TRY(Pipe error, make_pipe());
  FRESHET_TRY(const pid_t pid, spawn({spec.arguments,
                                      spec.environment,
                                      spec.directory,
                                      input.read.get(),
                                      output.write.get(),
                                      error.write.get(),
                                      {},
                                      spec.memory_limit}));
  return PipedChild(pid, std::move(input.write), std::move(output.read), std::move(error.read),
                    spec.grace);
}

PipedChild::PipedChild(pid_t pid, UniqueFd input, UniqueFd output, UniqueFd error, Duration grace)
    : pid_(pid),
      pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))),
      input_(std::move(input)),
      output_(std::move(output)),
      error_(std::move(error)),
      grace_(grace) {
  for (const UniqueFd* fd : {&input_, &output_, &error_}) {
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
}

PipedChild::PipedChild(PipedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      error_(std::move(other.error_)),
      grace_(other.grace_),
      error_text_(std::move(other.error_text_)) {}

PipedChild::~PipedChild() {
  if (pid_ > 0) {
    static_cast<void>(finish(Duration(0)));
  }
}

void PipedChild::take_error() {
  std::array<char, 4096> buffer;  // NOLINT: filled by read
  while (error_.valid()) {
    const ssize_t count = ::read(error_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      return;
    }
    if (count <= 0) {
      error_.reset();
      return;
    }
    error_text_.append(buffer.data(), static_cast<std::size_t>(count));
    if (error_text_.size() > kErrorTail) {
      error_text_.erase(0, error_text_.size() - kErrorTail);
    }
  }
}

ChildResult PipedChild::finish(Duration patience) {
  input_.reset();
  output_.reset();
  if (!wait_until(now() + patience)) {
    ::kill(-pid_, SIGTERM);
    while (!wait_until(now() + grace_)) {
      ::kill(-pid_, SIGKILL);
    }
  }
  return reap();
}

/// False: the child still runs.
bool PipedChild::wait_until(Instant end) {
  constexpr std::chrono::milliseconds kLookAgain{20};  // an old kernel tells no end of a process
  while (!has_ended()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now());
    if (left.count() <= 0) {
      return false;
    }
    left = std::min<std::chrono::milliseconds>(left, pidfd_ ? std::chrono::minutes(1) : kLookAgain);
    std::array<pollfd, 2> fds{{{pidfd_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    if (fds[1].revents != 0) {
      take_error();
    }
  }
  return true;
}

bool PipedChild::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

ChildResult PipedChild::reap() {
  // Whatever it left behind in its group goes with it; while it is not reaped, nobody else can have
  // its number.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  take_error();  // what a grandchild still holds open is not waited for
  error_.reset();
  ChildResult result;
  if (WIFSIGNALED(status)) {
    result.end = ChildResult::End::killed;
    result.status = WTERMSIG(status);
  } else {
    result.status = WEXITSTATUS(status);
  }
  result.error_text = std::move(error_text_);
  return result;
}

}  // namespace freshet
