#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace freshet::testing {

/// How a child's work ended.
enum class Ended {
  killed,
  finished,     ///< before that step
  untraceable,  ///< the system does not allow to trace a child
};

/// Does `work` in a child process and kills that, as by power failure of the process alone, when it
/// enters or leaves its `step`th system call. Wherever a crash can leave something different behind
/// lies between two of these.
inline Ended kill_at_step(int step, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
      ::_exit(99);
    }
    ::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) {
    return Ended::untraceable;
  }
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  for (int steps = 0; steps < step;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      return Ended::finished;
    }
    steps += WSTOPSIG(status) == (SIGTRAP | 0x80) ? 1 : 0;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return Ended::killed;
}

}  // namespace freshet::testing
