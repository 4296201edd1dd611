#include "base/subprocess.h"

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
#include <cstdlib>

#include "base/unique_fd.h"

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

/// execvp(3) looks at our PATH and allocates; the child of a thread must do neither.
std::string find_program(const ChildSpec& spec) {
  const std::string& name = spec.arguments.front();
  if (name.find('/') != std::string::npos) {
    return name;
  }
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : spec.environment) {
    if (entry.starts_with("PATH=")) {
      path = std::string_view(entry).substr(5);
    }
  }
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string candidate = std::string(path.substr(0, end)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return name;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: execve does not write
  }
  result.push_back(nullptr);
  return result;
}

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
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
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
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
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
  const auto low = static_cast<unsigned>(std::min(launch.lifeline, program_fd));
  const auto high = static_cast<unsigned>(std::max(launch.lifeline, program_fd));
  for (const int fd : {0, 1, 2}) {
    ::close(fd);
  }
  close_between(3, low - 1);
  close_between(low + 1, high - 1);
  close_between(high + 1, ~0U);
  std::array<pollfd, 2> fds{{{launch.lifeline, POLLIN, 0}, {program_fd, POLLIN, 0}}};
  int status = 0;
  while (::waitpid(program, &status, WNOHANG) == 0) {
    if (::poll(fds.data(), fds.size(), -1) > 0 && fds[0].revents != 0) {
      ::kill(0, SIGKILL);
    }
  }
  end_like(status);
}

/// Cuts what arrives into lines, for progress and messages.
class LineSplitter {
 public:
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& on_line) {
    if (!on_line) {
      return;
    }
    for (const char c : bytes) {
      if (c == '\n' || c == '\r') {
        flush(on_line);
      } else if (line_.size() < 1024) {
        line_ += c;
      }
    }
  }
  void flush(const std::function<void(std::string_view)>& on_line) {
    if (!line_.empty() && on_line) {
      on_line(line_);
    }
    line_.clear();
  }

 private:
  std::string line_;
};

/// The parent's side: moves bytes until the child has ended.
class Conversation {
 public:
  Conversation(const ChildSpec& spec, const CancelToken& cancel, pid_t pid, UniqueFd input,
               UniqueFd output, UniqueFd error)
      : spec_(spec),
        cancel_(cancel),
        pid_(pid),
        pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))),
        input_(std::move(input)),
        output_(std::move(output)),
        error_(std::move(error)) {
    for (const UniqueFd* fd : {&input_, &output_, &error_}) {
      ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }
  }

  ChildResult run() {
    const Instant begin = now();
    last_byte_ = begin;
    if (spec_.time_limit) {
      deadline_ = begin + *spec_.time_limit;
    }
    if (spec_.input.empty()) {
      input_.reset();
    }
    while (!reaped_) {
      step();
    }
    // What a grandchild still holds open is not waited for.
    read_from(output_, true);
    read_from(error_, false);
    lines_.flush(spec_.on_error_line);
    return std::move(result_);
  }

 private:
  void step() {
    std::array<pollfd, 5> fds{{{input_.get(), POLLOUT, 0},
                               {output_.get(), POLLIN, 0},
                               {error_.get(), POLLIN, 0},
                               {pidfd_.get(), POLLIN, 0},
                               {stopping_ ? -1 : cancel_.descriptor(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), timeout_millis());
    if (fds[0].revents != 0) {
      feed_input();
    }
    if (fds[1].revents != 0) {
      read_from(output_, true);
    }
    if (fds[2].revents != 0) {
      read_from(error_, false);
    }
    reap();
    if (!reaped_) {
      check_limits();
    }
  }

  int timeout_millis() const {
    Instant next = Instant::max();
    if (stopping_) {
      next = kill_at_;
    } else {
      if (deadline_) {
        next = std::min(next, *deadline_);
      }
      if (spec_.silence_limit) {
        next = std::min(next, last_byte_ + *spec_.silence_limit);
      }
    }
    if (!pidfd_.valid()) {  // an old kernel: look again soon
      next = std::min(next, now() + std::chrono::milliseconds(20));
    }
    if (next == Instant::max()) {
      return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void check_limits() {
    const Instant time = now();
    if (stopping_) {
      if (time >= kill_at_) {
        ::kill(-pid_, SIGKILL);
        kill_at_ = time + std::chrono::seconds(1);
      }
      return;
    }
    if (cancel_.cancelled()) {
      stop(ChildResult::End::cancelled);
    } else if (deadline_ && time >= *deadline_) {
      stop(ChildResult::End::time_limit);
    } else if (spec_.silence_limit && time >= last_byte_ + *spec_.silence_limit) {
      stop(ChildResult::End::silence_limit);
    }
  }

  void stop(ChildResult::End why) {
    result_.end = why;
    stopping_ = true;
    kill_at_ = now() + spec_.grace;
    ::kill(-pid_, SIGTERM);
  }

  void feed_input() {
    while (sent_ < spec_.input.size()) {
      const ssize_t count =
          ::write(input_.get(), spec_.input.data() + sent_, spec_.input.size() - sent_);
      if (count < 0) {
        if (errno == EAGAIN) {
          return;
        }
        break;  // the child does not want more
      }
      sent_ += static_cast<std::size_t>(count);
    }
    input_.reset();
  }

  void read_from(UniqueFd& fd, bool is_output) {
    std::array<char, 65536> buffer;  // NOLINT: filled by read
    while (fd.valid()) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0 && errno == EAGAIN) {
        return;
      }
      if (count <= 0) {
        fd.reset();
        return;
      }
      last_byte_ = now();
      take(std::string_view(buffer.data(), static_cast<std::size_t>(count)), is_output);
    }
  }

  void take(std::string_view bytes, bool is_output) {
    if (is_output && spec_.discard_output) {
      return;
    }
    if (is_output) {
      if (result_.output.size() + bytes.size() > spec_.output_limit) {
        if (!stopping_) {
          stop(ChildResult::End::output_limit);
        }
        return;
      }
      result_.output += bytes;
      return;
    }
    lines_.feed(bytes, spec_.on_error_line);
    result_.error_text += bytes;
    if (result_.error_text.size() > 2 * kErrorTail) {
      result_.error_text.erase(0, result_.error_text.size() - kErrorTail);
    }
  }

  void reap() {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
      return;
    }
    // Whatever the child left behind in its group goes with it; while it is not reaped, nobody else
    // can have its number.
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    if (stopping_) {
      return;
    }
    if (WIFSIGNALED(status)) {
      result_.end = ChildResult::End::killed;
      result_.status = WTERMSIG(status);
    } else {
      result_.status = WEXITSTATUS(status);
    }
  }

  const ChildSpec& spec_;
  const CancelToken& cancel_;
  const pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd error_;
  ChildResult result_;
  LineSplitter lines_;
  std::size_t sent_ = 0;
  Instant last_byte_;
  std::optional<Instant> deadline_;
  bool stopping_ = false;
  Instant kill_at_;
  bool reaped_ = false;
};

}  // namespace

Result<ChildResult> run_child(const ChildSpec& spec, const CancelToken& cancel) {
  FRESHET_TRY(Pipe input, make_pipe());
  FRESHET_TRY(Pipe output, make_pipe());
  FRESHET_TRY(Pipe error, make_pipe());
  FRESHET_TRY(Pipe failure, make_pipe());
  FRESHET_TRY(Pipe lifeline, make_pipe());

  Launch launch;
  launch.program = find_program(spec);
  launch.arguments = pointers(spec.arguments);
  launch.environment = pointers(spec.environment);
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
  input.read.reset();
  output.write.reset();
  error.write.reset();
  failure.write.reset();
  lifeline.read.reset();

  int reason = 0;
  if (::read(failure.read.get(), &reason, sizeof reason) == sizeof reason) {
    ::waitpid(pid, nullptr, 0);
    return fail(system_error(reason, "cannot run " + spec.arguments.front()));
  }
  return Conversation(spec, cancel, pid, std::move(input.write), std::move(output.read),
                      std::move(error.read))
      .run();
}

}  // namespace freshet
