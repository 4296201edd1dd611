#include "remote/poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

namespace freshet::remote {
namespace {

constexpr int kKindShift = 32;

int milliseconds_until(Instant until) {
  if (until == Instant::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<Duration>(until - now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

}  // namespace

Result<Poller> Poller::create() {
  Poller poller;
  poller.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  poller.wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!poller.epoll_ || !poller.wake_ || !poller.watch(Kind::wake, poller.wake_.get(), EPOLLIN)) {
    Error error = system_error(errno, "cannot watch connections");
    error.error_class = ErrorClass::internal;
    return fail(std::move(error));
  }
  return poller;
}

bool Poller::watch(Kind kind, int descriptor, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = (std::uint64_t{static_cast<std::uint32_t>(kind)} << kKindShift) |
                   static_cast<std::uint32_t>(descriptor);
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ||
         (errno == EEXIST && ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) == 0);
}

void Poller::forget(int descriptor) {
  epoll_event event{};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, &event);
}

std::span<const Poller::Event> Poller::wait(Instant until) {
  const int count = ::epoll_wait(epoll_.get(), raw_.data(), static_cast<int>(raw_.size()),
                                 milliseconds_until(until));
  std::size_t used = 0;
  for (int i = 0; i < count; ++i) {
    const epoll_event& raw = raw_[static_cast<std::size_t>(i)];
    const Event event{static_cast<Kind>(raw.data.u64 >> kKindShift),
                      static_cast<int>(raw.data.u64 & 0xFFFFFFFFU), raw.events};
    if (event.kind == Kind::wake) {
      std::uint64_t wakes = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &wakes, sizeof wakes);
    } else {
      events_[used++] = event;
    }
  }
  return {events_.data(), used};
}

void Poller::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace freshet::remote
