// The event loop where it looks at the clock, and where it lets clients in and shows them out.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "http/answer.h"
#include "http/event_loop.h"

namespace freshet::http {
namespace {

using Stage = Connection::Stage;

constexpr std::uint64_t kListener = 0;
constexpr int kAcceptedAtOnce = 64;
constexpr std::chrono::milliseconds kAcceptPause{100};
/// A client that closes a connection and opens the next one may be heard of in the other order.
constexpr std::chrono::milliseconds kLatecomersWait{200};
constexpr std::size_t kMostLatecomers = 256;
/// Deadlines are looked at no more often than this; each look passes over every connection.
constexpr std::chrono::milliseconds kCheckInterval{20};
/// A connection that a worker gave back without a wake-up has a deadline that nobody has seen yet.
constexpr std::chrono::milliseconds kLongestWait{1000};
/// The loop comes round at least so often, so that its silence means that it is stuck.
constexpr std::chrono::milliseconds kHeartbeat{3000};

}  // namespace

void EventLoop::accept_all() {
  for (int i = 0; i < kAcceptedAtOnce && listener_ && !accept_again_; ++i) {
    auto accepted = listener_->accept();
    if (accepted && !table_.has_room_for(accepted->peer) && latecomers_.size() < kMostLatecomers) {
      latecomers_.push_back({*std::move(accepted), now() + kLatecomersWait});
      continue;
    }
    if (accepted) {
      admit(*accepted);
      continue;
    }
    if (errno == EAGAIN) {
      return;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_accepting(now());
    }
    // Anything else is the fate of that one client.
  }
}

void EventLoop::admit(Accepted& accepted) {
  Connection* connection = table_.add(accepted);
  if (connection == nullptr) {
    turn_away(accepted);
    return;
  }
  watch(*connection, EPOLLIN, EPOLL_CTL_ADD);
  next_check_ = std::min(next_check_, connection->deadline);
}

void EventLoop::admit_latecomers(Instant time) {
  std::vector<Latecomer> latecomers;
  latecomers.swap(latecomers_);
  for (Latecomer& latecomer : latecomers) {
    if (time >= latecomer.until || table_.has_room_for(latecomer.accepted.peer)) {
      admit(latecomer.accepted);
    } else {
      latecomers_.push_back(std::move(latecomer));
    }
  }
}

void EventLoop::shake_hands(Connection& connection) {
  connection.working = true;
  if (workers_.shake_hands(connection)) {
    ++working_;
    return;
  }
  close(connection);
}

void EventLoop::turn_away(const Accepted& accepted) {
  shared_.refusals.count(503);
  if (shared_.certificates) {
    return;  // a handshake is more than is spent on it
  }
  Response response = error_response(503, "too_many_connections", "too many connections are open");
  response.headers.emplace_back("Retry-After", "1");
  const std::string bytes = serialize(response, {.head_only = false, .keep_alive = false});
  // As far as it goes without waiting: it is a courtesy.
  ::send(accepted.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(accepted.socket.get(), SHUT_WR);
}

void EventLoop::pause_accepting(Instant time) {
  if (!short_of_descriptors_) {
    log::warning("no more connections can be accepted", {{"error", "out of file descriptors"}});
  }
  short_of_descriptors_ = true;
  table_.evict();
  accept_again_ = time + kAcceptPause;
  epoll_event event{};
  event.data.u64 = kListener;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_->descriptor(), &event);
}

void EventLoop::resume_accepting() {
  accept_again_.reset();
  if (!listener_) {
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListener;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_->descriptor(), &event);
}

void EventLoop::check_deadlines(Instant time) {
  std::vector<Connection*> due;
  table_.for_each([&](Connection& connection) {
    if (!connection.working && first_deadline(connection) <= time) {
      due.push_back(&connection);
    }
  });
  for (Connection* connection : due) {
    on_deadline(*connection, time);
  }
  next_check_ = Instant::max();
  table_.for_each([&](Connection& connection) {
    if (!connection.working) {
      next_check_ = std::min(next_check_, first_deadline(connection));
    }
  });
  next_check_ = std::max(next_check_, time + kCheckInterval);
}

Instant EventLoop::first_deadline(const Connection& connection) {
  return std::min(connection.deadline, connection.patience.value_or(Instant::max()));
}

void EventLoop::on_deadline(Connection& connection, Instant time) {
  if (connection.stage != Stage::receiving) {
    close(connection);
  } else if (connection.deadline > time) {
    hand_on(connection);
  } else {
    connection.answer(Refusal{408, "timeout", "the request did not arrive in time"});
    settle(connection);
  }
}

int EventLoop::timeout(Instant time) const {
  if (!holding_.empty()) {
    return 0;
  }
  Instant next = std::min(next_check_, next_feed_);
  if (working_ > 0) {
    next = std::min(next, time + kLongestWait);
  }
  next = std::min(next, accept_again_.value_or(Instant::max()));
  next = std::min(next, stop_by_.value_or(Instant::max()));
  if (!latecomers_.empty()) {
    next = std::min(next, latecomers_.front().until);
  }
  next = std::min(next, time + kHeartbeat);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - time).count();
  return static_cast<int>(std::max<std::int64_t>(wait, 0));
}

void EventLoop::begin_stop(Instant time) {
  listener_.reset();
  latecomers_.clear();
  stop_by_ = time + shared_.options.stop_grace;
  std::vector<Connection*> slow;
  table_.for_each([&](Connection& connection) {
    if (!connection.working && connection.stage != Stage::answering) {
      slow.push_back(&connection);
    }
  });
  for (Connection* connection : slow) {
    close(*connection);
  }
}

bool EventLoop::finished(Instant time) const {
  return stop_by_ && (table_.size() == 0 || time >= *stop_by_);
}

}  // namespace freshet::http
