#include "base/piped_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace freshet {
namespace {

constexpr std::size_t kErrorTail = 8192;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(system_error(errno, "cannot create a pipe"));
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: nobody writes there
  }
  result.push_back(nullptr);
  return result;
}

/// What the child does before its program begins.
class Preparations {
 public:
  Preparations(const PipedChild::Spec& spec, int input, int output, int error) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_adddup2(&files_, input, 0);
    ::posix_spawn_file_actions_adddup2(&files_, output, 1);
    ::posix_spawn_file_actions_adddup2(&files_, error, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, 3);
    ::posix_spawn_file_actions_addchdir_np(&files_, spec.directory.c_str());
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) {
      ::sigaddset(&signals, number);
    }
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Preparations(const Preparations&) = delete;
  Preparations& operator=(const Preparations&) = delete;
  ~Preparations() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<PipedChild> PipedChild::start(const Spec& spec) {
  FRESHET_TRY(Pipe input, make_pipe());
  FRESHET_TRY(Pipe output, make_pipe());
  FRESHET_TRY(Pipe error, make_pipe());
  const Preparations preparations(spec, input.read.get(), output.write.get(), error.write.get());
  pid_t pid = -1;
  const int reason = ::posix_spawnp(&pid, spec.arguments.front().c_str(), preparations.files(),
                                    preparations.attributes(), pointers(spec.arguments).data(),
                                    pointers(spec.environment).data());
  if (reason != 0) {
    return fail(system_error(reason, "cannot run " + spec.arguments.front()));
  }
  if (spec.memory_limit > 0) {
    const rlimit limit{spec.memory_limit, spec.memory_limit};
    ::prlimit(pid, RLIMIT_AS, &limit, nullptr);
  }
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
