#include "base/child_start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/pipe.h"
#include "base/spawn.h"

namespace freshet {
namespace {

constexpr int kLookAgainMillis = 20;

/// Everything the child needs, laid out before fork(2): behind it only async-signal-safe calls.
struct Launch {
  std::string program;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* directory;
  int input;
  int output;
  int error;
  int failure;            ///< receives errno when exec fails
  std::vector<int> kept;  ///< ascending
  std::uint64_t memory_limit;
  int lifeline;  ///< at its end once this process is gone
};

void close_between(unsigned first, unsigned last) {
  if (first <= last) {
    ::syscall(SYS_close_range, first, last, 0U);
  }
}

[[noreturn]] void become(const Launch& launch) {
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  bool ready =
      ::dup2(launch.input, 0) >= 0 && ::dup2(launch.output, 1) >= 0 && ::dup2(launch.error, 2) >= 0;
  unsigned next = 3;
  for (const int fd : launch.kept) {
    if (fd != launch.failure) {
      ::fcntl(fd, F_SETFD, 0);
    }
    close_between(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_between(next, ~0U);
  if (launch.directory != nullptr) {
    ready = ready && ::chdir(launch.directory) == 0;
  }
  if (ready) {
    if (launch.memory_limit > 0) {  // last, since a sanitizer's run-time wants more until the exec
      const rlimit limit{launch.memory_limit, launch.memory_limit};
      ::setrlimit(RLIMIT_AS, &limit);
    }
    ::execve(launch.program.c_str(), launch.arguments.data(), launch.environment.data());
  }
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(launch.failure, &reason, sizeof reason);
  ::_exit(127);
}

/// Ends as the program did.
[[noreturn]] void end_like(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    // The mask is that of the thread that started us, which may block the signal.
    sigset_t none;
    ::sigemptyset(&none);
    ::signal(number, SIG_DFL);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::raise(number);
    ::_exit(128 + number);
  }
  ::_exit(WEXITSTATUS(status));
}

/// The first process of the child's group: starts the program and, when this process dies, ends the
/// whole group. The kernel's own parent-death signal would reach the program, but nothing that it
/// started in turn.
[[noreturn]] void supervise(const Launch& launch) {
  ::setpgid(0, 0);
  ::signal(SIGTERM, SIG_IGN);  // meant for the program; this one ends with it
  const pid_t program = ::fork();
  if (program == 0) {
    become(launch);
  }
  if (program < 0) {
    ::_exit(127);
  }
  const int program_fd = static_cast<int>(::syscall(SYS_pidfd_open, program, 0U));
  for (const int fd : {0, 1, 2}) {
    ::close(fd);
  }
  unsigned next = 3;
  for (const int fd :
       {std::min(launch.lifeline, program_fd), std::max(launch.lifeline, program_fd)}) {
    if (fd >= 0) {
      close_between(next, static_cast<unsigned>(fd) - 1);
      next = static_cast<unsigned>(fd) + 1;
    }
  }
  close_between(next, ~0U);
  // An old kernel or a sandbox may have no pidfd_open(2): look again soon.
  const int patience = program_fd < 0 ? kLookAgainMillis : -1;
  std::array<pollfd, 2> fds{{{launch.lifeline, POLLIN, 0}, {program_fd, POLLIN, 0}}};
  int status = 0;
  while (::waitpid(program, &status, WNOHANG) == 0) {
    if (::poll(fds.data(), fds.size(), patience) > 0 && fds[0].revents != 0) {
      ::kill(0, SIGKILL);
    }
  }
  end_like(status);
}

/// Behind a supervisor. execvp(3) looks at our PATH and allocates, and the child of a thread must
/// do neither: everything is laid out before.
Result<StartedChild> start_supervised(const ChildSpec& spec) {
  FRESHET_TRY(Pipe input, make_pipe());
  FRESHET_TRY(Pipe output, make_pipe());
  FRESHET_TRY(Pipe error, make_pipe());
  FRESHET_TRY(Pipe failure, make_pipe());
  FRESHET_TRY(Pipe lifeline, make_pipe());

  Launch launch;
  launch.program = find_program(spec.arguments.front(), spec.environment);
  launch.arguments = as_pointers(spec.arguments);
  launch.environment = as_pointers(spec.environment);
  launch.directory = spec.directory.empty() ? nullptr : spec.directory.c_str();
  launch.input = spec.input_descriptor >= 0 ? spec.input_descriptor : input.read.get();
  launch.output = output.write.get();
  launch.error = error.write.get();
  launch.failure = failure.write.get();
  launch.kept = spec.descriptors;
  launch.kept.push_back(launch.failure);
  std::sort(launch.kept.begin(), launch.kept.end());
  launch.memory_limit = spec.memory_limit;
  launch.lifeline = lifeline.read.get();

  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail(system_error(errno, "cannot start " + spec.arguments.front()));
  }
  if (pid == 0) {
    supervise(launch);
  }
  ::setpgid(pid, pid);  // in the child too: whoever comes first
  failure.write.reset();
  int reason = 0;
  if (::read(failure.read.get(), &reason, sizeof reason) == sizeof reason) {
    ::waitpid(pid, nullptr, 0);
    return fail(system_error(reason, "cannot run " + spec.arguments.front()));
  }
  return StartedChild{pid, std::move(input.write), std::move(output.read), std::move(error.read),
                      std::move(lifeline.write)};
}

Result<StartedChild> start_directly(const ChildSpec& spec) {
  FRESHET_TRY(Pipe input, make_pipe());
  FRESHET_TRY(Pipe output, make_pipe());
  FRESHET_TRY(Pipe error, make_pipe());
  FRESHET_TRY(const pid_t pid,
              spawn({spec.arguments, spec.environment, spec.directory,
                     spec.input_descriptor >= 0 ? spec.input_descriptor : input.read.get(),
                     output.write.get(), error.write.get(), spec.descriptors, spec.memory_limit}));
  return StartedChild{
      pid, std::move(input.write), std::move(output.read), std::move(error.read), {}};
}

}  // namespace

Result<StartedChild> start_child(const ChildSpec& spec) {
  return spec.ends_with_input ? start_directly(spec) : start_supervised(spec);
}

}  // namespace freshet
