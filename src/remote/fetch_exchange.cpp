#include "remote/fetch_exchange.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "remote/git_output.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kChecksum = 20;
constexpr std::size_t kLongestLine = 200;

struct Phrase {
  std::string_view start;
  std::string_view phase;
};
constexpr std::array kPhrases{Phrase{"Counting objects:", "counting"},
                              Phrase{"Compressing objects:", "compressing"}};

std::optional<Progress> parse_their_progress(std::string_view line) {
  for (const Phrase& phrase : kPhrases) {
    if (line.starts_with(phrase.start)) {
      // The same form as git's own lines have.
      auto progress =
          parse_progress("Receiving objects:" + std::string(line.substr(phrase.start.size())));
      if (progress) {
        progress->phase = phrase.phase;
      }
      return progress;
    }
  }
  return std::nullopt;
}

}  // namespace

std::shared_ptr<FetchExchange> FetchExchange::create(Spec spec) {
  return std::shared_ptr<FetchExchange>(new FetchExchange(std::move(spec)));
}

FetchExchange::FetchExchange(Spec spec)
    : largest_pack_(spec.largest_pack),
      on_progress_(std::move(spec.on_progress)),
      reader_({[this](std::string_view bytes) { return take_pack(bytes); },
               [this](std::string_view text) { take_progress(text); }}),
      pipe_(std::move(spec.pipe)) {}

FetchExchange::Take FetchExchange::take(std::string_view bytes) {
  any_ = any_ || !bytes.empty();
  if (const auto fed = reader_.feed(bytes); !fed) {
    error_ = fed.error();
    return Take::stop;
  }
  return hand_on();
}

Result<void> FetchExchange::take_pack(std::string_view bytes) {
  if (received_ == 0 && !bytes.empty()) {
    enter(Phase::pack);
  }
  received_ += bytes.size();
  if (largest_pack_ > 0 && received_ > largest_pack_) {
    return fail(ErrorClass::config, "the upstream's pack is larger than limits.fetch_size");
  }
  pending_ += bytes;
  return {};
}

/// Only before the pack begins: from then on the pipe's reader tells how far it is.
void FetchExchange::take_progress(std::string_view text) {
  if (!on_progress_ || received_ > 0) {
    return;
  }
  for (const char c : text) {
    if (c != '\n' && c != '\r') {
      if (line_.size() < kLongestLine) {
        line_ += c;
      }
      continue;
    }
    if (const auto progress = parse_their_progress(line_)) {
      on_progress_(*progress);
    }
    line_.clear();
  }
}

FetchExchange::Take FetchExchange::hand_on() {
  const std::size_t kept = reader_.ended() ? 0 : kChecksum;
  std::size_t done = 0;
  Take next = Take::more;
  while (pending_.size() - done > kept) {
    const ssize_t count =
        ::write(pipe_.get(), pending_.data() + done, pending_.size() - done - kept);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      pipe_broken_ = errno != EAGAIN;
      next = pipe_broken_ ? Take::stop : Take::wait;
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  pending_.erase(0, done);
  return next;
}

void FetchExchange::end(const Attempt<void>& brought) {
  Attempt<void> outcome = judge(brought);
  // Its reader may act on the end of the pipe as soon as that is closed, and then must find the
  // outcome; so the outcome is set first.
  {
    const MutexLock lock(mutex_);
    if (abort_error_) {
      outcome = fail_with({*abort_error_});
    } else if (aborted_) {
      outcome = {};
    }
    outcome_ = std::move(outcome);
    phase_ = Phase::over;
    changed_.notify_all();
  }
  pipe_.reset();
}

Attempt<void> FetchExchange::judge(const Attempt<void>& brought) const {
  if (error_) {
    return fail_with({*error_});
  }
  if (pipe_broken_) {
    return {};
  }
  if (!brought) {
    return brought;
  }
  if (const auto whole = reader_.finish(); !whole) {
    return fail_with({whole.error(), false, !any_});
  }
  if (!reader_.has_pack()) {
    return fail_with({{ErrorClass::protocol, "the upstream sent no pack", std::nullopt}});
  }
  return {};
}

void FetchExchange::enter(Phase phase) {
  const MutexLock lock(mutex_);
  phase_ = phase;
  changed_.notify_all();
}

bool FetchExchange::wait_for_pack() {
  const MutexLock lock(mutex_);
  while (phase_ == Phase::waiting) {
    changed_.wait(mutex_);
  }
  return phase_ == Phase::pack || outcome_.has_value();
}

void FetchExchange::abort(std::optional<Error> why) {
  {
    const MutexLock lock(mutex_);
    if (aborted_ || phase_ == Phase::over) {
      return;
    }
    aborted_ = true;
    abort_error_ = std::move(why);
  }
  stop_.cancel();
}

Attempt<void> FetchExchange::wait() {
  const MutexLock lock(mutex_);
  while (phase_ != Phase::over) {
    changed_.wait(mutex_);
  }
  return outcome_;
}

}  // namespace freshet::remote
