#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/child_start.h"
#include "base/unique_fd.h"

namespace freshet {
namespace {

constexpr std::size_t kTail = 8192;

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
    if (is_output && spec_.only_last_output) {
      keep_last(result_.output, bytes);
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
    keep_last(result_.error_text, bytes);
  }

  static void keep_last(std::string& text, std::string_view bytes) {
    text += bytes;
    if (text.size() > 2 * kTail) {
      text.erase(0, text.size() - kTail);
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
  FRESHET_TRY(StartedChild started, start_child(spec));
  return Conversation(spec, cancel, started.pid, std::move(started.input),
                      std::move(started.output), std::move(started.error))
      .run();
}

}  // namespace freshet
