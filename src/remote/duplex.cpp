#include "remote/duplex.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "remote/git_errors.h"

namespace freshet::remote {
namespace {

/// In the words that the end of a git child gets.
tl::unexpected<Error> gave_up(ChildResult::End why) {
  ChildResult result;
  result.end = why;
  return fail(explain_git_failure(result));
}

bool is_cancelled(const Patience& patience) {
  return std::any_of(patience.cancels.begin(), patience.cancels.end(),
                     [](const CancelToken& token) { return token.cancelled(); });
}

int millis_until(Instant end) {
  if (end == Instant::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

Patience Patience::of(const TimeLimits& limits, const CancelToken& cancel) {
  Patience patience;
  if (limits.total > Duration(0)) {
    patience.deadline = now() + limits.total;
  }
  patience.silence = limits.silence;
  patience.cancels.push_back(cancel);
  return patience;
}

std::optional<Duration> Patience::left() const {
  if (!deadline) {
    return std::nullopt;
  }
  return std::max(std::chrono::duration_cast<Duration>(*deadline - now()), Duration(1));
}

Result<void> Duplex::await(int descriptor, short events, const Patience& patience) {
  std::vector<pollfd> fds{{descriptor, events, 0}, {messages(), POLLIN, 0}};
  for (const CancelToken& token : patience.cancels) {
    fds.push_back({token.descriptor(), POLLIN, 0});
  }
  Instant last_byte = now();
  for (;;) {
    if (is_cancelled(patience)) {
      return gave_up(ChildResult::End::cancelled);
    }
    const Instant deadline = patience.deadline.value_or(Instant::max());
    if (now() >= deadline) {
      return gave_up(ChildResult::End::time_limit);
    }
    const Instant silent =
        patience.silence > Duration(0) ? last_byte + patience.silence : Instant::max();
    fds[1].fd = messages();
    const int ready = ::poll(fds.data(), fds.size(), millis_until(std::min(silent, deadline)));
    if (ready > 0 && fds[1].revents != 0) {
      take_messages();
      last_byte = now();
    }
    if (ready > 0 && fds[0].revents != 0) {
      return {};
    }
    if (ready == 0 && now() >= silent) {
      return gave_up(ChildResult::End::silence_limit);
    }
  }
}

Result<void> Duplex::write(std::string_view bytes, const Patience& patience) {
  while (!bytes.empty()) {
    FRESHET_CHECK(await(output(), POLLOUT, patience));
    const ssize_t count = ::write(output(), bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EAGAIN && errno != EINTR) {
      return {};
    }
  }
  return {};
}

Result<std::string_view> Duplex::read(const Patience& patience) {
  for (;;) {
    FRESHET_CHECK(await(input(), POLLIN, patience));
    const ssize_t count = ::read(input(), buffer_.data(), buffer_.size());
    if (count >= 0) {
      return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
    }
    if (errno != EAGAIN && errno != EINTR) {
      return std::string_view();
    }
  }
}

}  // namespace freshet::remote
