#include "http/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace freshet::http {
namespace {

using Stage = Connection::Stage;
using Need = RequestReader::Need;

constexpr std::uint64_t kListener = 0;  // connections count from 1
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::size_t kBuffer = std::size_t{256} * 1024;
/// An answer that takes longer and slept meanwhile waits for something, a disk perhaps; so will
/// those that come soon. One that others were only given the processor before would not be quicker
/// in a worker, which costs that processor two switches more.
constexpr std::chrono::milliseconds kQuick{20};
constexpr std::chrono::milliseconds kSlowFor{1000};

/// How often this thread has slept.
long times_slept() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(Listener listener, Shared& shared) {
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(listener), shared));
  loop->buffer_.resize(kBuffer);
  loop->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  loop->wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  for (const auto& [descriptor, id] :
       {std::pair(loop->listener_->descriptor(), kListener), std::pair(loop->wake_.get(), kWake)}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
      Error error = system_error(errno, "cannot watch the listening socket");
      error.error_class = ErrorClass::internal;
      return fail(std::move(error));
    }
  }
  return loop;
}

void EventLoop::run(const Workers& workers) {
  workers_ = workers;
  std::array<epoll_event, 256> events{};
  for (Instant time = now(); !finished(time); time = now()) {
    heartbeat_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout(time));
    take_back();  // before the events of those that were given back already watched
    for (int i = 0; i < count; ++i) {
      on_event(events[static_cast<std::size_t>(i)].data.u64);
    }
    on_held_bytes();
    time = now();
    admit_latecomers(time);
    if (time >= next_feed_) {
      feed_streams(time);
    }
    if (time >= next_check_) {
      check_deadlines(time);
    }
    if (accept_again_ && time >= *accept_again_) {
      resume_accepting();
    }
    if (shared_.stopping.load(std::memory_order_relaxed) && !stop_by_) {
      begin_stop(time);
    }
  }
}

void EventLoop::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::on_event(std::uint64_t id) {
  if (id == kListener) {
    accept_all();
    return;
  }
  if (id == kWake) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    // Only now: what is given back after this look wakes the loop again.
    take_back();
    return;
  }
  Connection* connection = table_.find(id);
  if (connection == nullptr || connection->working) {
    return;
  }
  if (connection->stage == Stage::handshake) {
    shake_hands(*connection);
  } else if (connection->stage == Stage::answering) {
    connection->flush();
    settle(*connection);
  } else if (connection->stage == Stage::streaming) {
    on_stream(*connection);
  } else if (connection->stage == Stage::lingering) {
    if (!connection->discard(buffer_.data(), buffer_.size())) {
      connection->stage = Stage::closing;
    }
    settle(*connection);
  } else {
    receive(*connection);
  }
}

void EventLoop::on_stream(Connection& connection) {
  if (connection.stream_presses()) {
    connection.continue_stream();
  } else if (!connection.discard(buffer_.data(), buffer_.size())) {
    connection.stage = Stage::closing;  // the client is gone, or talks too much
  }
  settle(connection);
}

void EventLoop::feed_streams(Instant time) {
  const std::set<std::uint64_t> ids = streams_;
  for (const std::uint64_t id : ids) {
    Connection* connection = table_.find(id);
    if (connection == nullptr || connection->stage != Stage::streaming) {
      streams_.erase(id);
    } else if (!connection->stream_presses()) {  // else its client's reading drives it
      connection->continue_stream();
      settle(*connection);
    }
  }
  next_feed_ = streams_.empty() ? Instant::max() : time + shared_.options.stream_interval;
}

void EventLoop::on_held_bytes() {
  std::vector<std::uint64_t> holding;
  holding.swap(holding_);
  for (const std::uint64_t id : holding) {
    on_event(id);
  }
}

void EventLoop::receive(Connection& connection) {
  if (!connection.reader.started()) {
    connection.take_limits();
  }
  const std::size_t size = std::min(buffer_.size(), connection.reader.appetite());
  const Stream::Moved moved = connection.stream->read(buffer_.data(), size);
  switch (moved.state) {
    case Stream::State::moved: {
      const Need need = connection.reader.add({buffer_.data(), moved.bytes});
      if (need != Need::application || !answer_at_once(connection)) {
        pursue(connection, need);
      }
      return;
    }
    case Stream::State::wait_readable:
      arm(connection, EPOLLIN);
      return;
    case Stream::State::wait_writable:
      arm(connection, EPOLLOUT);
      return;
    case Stream::State::ended:
      close(connection);
      return;
  }
}

void EventLoop::pursue(Connection& connection, Need need) {
  switch (need) {
    case Need::bytes:
      wait_for_bytes(connection);
      return;
    case Need::application:
      hand_on(connection);
      return;
    case Need::refusal:
      connection.answer(connection.reader.refusal());
      settle(connection);
      return;
  }
}

/// Only what a client has just sent, and no request that came behind another one: nobody keeps the
/// thread for longer than one answer takes.
bool EventLoop::answer_at_once(Connection& connection) {
  const RequestReader& reader = connection.reader;
  const Instant begin = now();
  if (!shared_.options.answer_at_once || begin < workers_until_ || !reader.whole() ||
      reader.body().size() > RequestReader::kSmallBody) {
    return false;
  }
  connection.patience.reset();
  const long slept_before = times_slept();
  workers_.respond_here(connection);
  if (const Instant end = now(); end - begin > kQuick && times_slept() != slept_before) {
    workers_until_ = end + kSlowFor;
  }
  settle(connection);
  return true;
}

void EventLoop::wait_for_bytes(Connection& connection) {
  const Options& options = shared_.options;
  if (connection.stage == Stage::idle && connection.reader.started()) {
    connection.stage = Stage::receiving;
    connection.deadline = now() + options.head_timeout;
  }
  if (connection.reader.head_complete() && !connection.in_body) {
    connection.in_body = true;
    connection.deadline = now() + options.body_timeout;
    if (!connection.reader.decided()) {
      connection.patience = now() + options.small_body_patience;
    }
  }
  arm(connection, EPOLLIN);
}

void EventLoop::hand_on(Connection& connection) {
  connection.patience.reset();
  connection.working = true;
  if (workers_.respond(connection)) {
    ++working_;
    return;
  }
  connection.working = false;
  connection.answer(Refusal{503, "busy", "too many requests are waiting"});
  settle(connection);
}

void EventLoop::give_back(Connection& connection) {
  const MutexLock lock(mutex_);
  returned_.push_back(&connection);
  if (connection.at_rest()) {
    // The usual case costs no wake-up. Still under the lock, for without it the connection could be
    // gone by now.
    watch(connection, EPOLLIN, EPOLL_CTL_MOD);
  } else {
    wake();
  }
}

void EventLoop::take_back() {
  std::vector<Connection*> returned;
  {
    const MutexLock lock(mutex_);
    returned.swap(returned_);
  }
  for (Connection* connection : returned) {
    connection->working = false;
    --working_;
    if (connection->at_rest() && !stop_by_) {
      next_check_ = std::min(next_check_, connection->deadline);  // watched already
    } else {
      settle(*connection);
    }
  }
}

void EventLoop::settle(Connection& connection) {
  if (stop_by_ && connection.stage != Stage::answering) {
    close(connection);
    return;
  }
  switch (connection.stage) {
    case Stage::handshake:
      arm(connection, connection.handshake_writes ? EPOLLOUT : EPOLLIN);
      return;
    case Stage::idle:
      if (connection.reader.has_more_input()) {
        pursue(connection, connection.reader.advance());
        return;
      }
      arm(connection, EPOLLIN);
      return;
    case Stage::receiving:
      wait_for_bytes(connection);
      return;
    case Stage::answering:
      arm(connection, EPOLLOUT);
      return;
    case Stage::streaming:
      if (streams_.insert(connection.id).second) {
        next_feed_ = std::min(next_feed_, now() + shared_.options.stream_interval);
      }
      arm(connection, connection.stream_presses() ? EPOLLOUT : EPOLLIN);
      return;
    case Stage::lingering:
      arm(connection, EPOLLIN);
      return;
    case Stage::closing:
      close(connection);
      return;
  }
}

void EventLoop::arm(const Connection& connection, std::uint32_t events) {
  if (events == EPOLLIN && connection.stream->holds_bytes()) {
    holding_.push_back(connection.id);
  } else {
    watch(connection, events, EPOLL_CTL_MOD);
  }
  next_check_ = std::min(next_check_, first_deadline(connection));
}

void EventLoop::watch(const Connection& connection, std::uint32_t events, int operation) const {
  epoll_event event{};
  // Once: nothing may happen to a connection while a worker has it.
  event.events = events | EPOLLONESHOT;
  event.data.u64 = connection.id;
  epoll_ctl(epoll_.get(), operation, connection.stream->descriptor(), &event);
}

void EventLoop::close(Connection& connection) {
  table_.remove(connection);
}

}  // namespace freshet::http
