#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "http/connection_table.h"
#include "http/listener.h"

namespace freshet::http {

/// Accepts connections and moves their bytes, and hands a connection on when its request needs the
/// application, or its handshake arithmetic. run() is one thread; give_back(), wake() and
/// connections() are for any.
class EventLoop {
 public:
  struct Workers {
    /// Give a connection to a worker; false: all are busy and the queue is full.
    std::function<bool(Connection&)> respond;
    std::function<bool(Connection&)> shake_hands;
    /// Does what `respond` lets a worker do.
    std::function<void(Connection&)> respond_here;
  };

  /// Failure: internal, the kernel gives no descriptors.
  static Result<std::unique_ptr<EventLoop>> create(Listener listener, Shared& shared);

  /// Until the server is stopping and the requests being handled have ended, or their grace is
  /// over.
  void run(const Workers& workers) EXCLUDES(mutex_);

  /// From the worker that is done with it.
  void give_back(Connection& connection) EXCLUDES(mutex_);
  /// Makes run() look at whether the server is stopping.
  void wake() const;

  /// Closes what is left. Requires that run() and every worker have ended.
  void close_all() { table_.clear(); }

  std::size_t connections() const { return table_.size(); }
  /// When run() last came round. Any thread.
  Instant last_round() const { return Instant(Instant::duration(heartbeat_.load())); }

 private:
  EventLoop(Listener listener, Shared& shared) : listener_(std::move(listener)), shared_(shared) {}

  void accept_all();
  void admit(Accepted& accepted);
  void admit_latecomers(Instant time);
  void pause_accepting(Instant time);
  void resume_accepting();
  void turn_away(const Accepted& accepted);
  void take_back() EXCLUDES(mutex_);
  void on_event(std::uint64_t id);
  void on_held_bytes();
  void shake_hands(Connection& connection);
  void receive(Connection& connection);
  void pursue(Connection& connection, RequestReader::Need need);
  bool answer_at_once(Connection& connection);
  void on_stream(Connection& connection);
  void feed_streams(Instant time);
  void settle(Connection& connection);
  void wait_for_bytes(Connection& connection);
  void hand_on(Connection& connection);
  void watch(const Connection& connection, std::uint32_t events, int operation) const;
  void arm(const Connection& connection, std::uint32_t events);
  void close(Connection& connection);
  void check_deadlines(Instant time);
  static Instant first_deadline(const Connection& connection);
  void on_deadline(Connection& connection, Instant time);
  int timeout(Instant time) const;
  void begin_stop(Instant time);
  bool finished(Instant time) const;

  std::optional<Listener> listener_;
  Shared& shared_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::atomic<Instant::rep> heartbeat_ = now().time_since_epoch().count();

  // Of the thread in run().
  Workers workers_;
  ConnectionTable table_{shared_};
  std::vector<char> buffer_;
  std::size_t working_ = 0;
  Instant workers_until_{};             ///< an answer took long: the next ones are the workers'
  std::vector<std::uint64_t> holding_;  ///< those whose next bytes are with their stream already
  std::set<std::uint64_t> streams_;     ///< those whose answer goes on
  Instant next_feed_ = Instant::max();  ///< when they are looked at; max(): there are none
  Instant next_check_ = Instant::max();
  std::optional<Instant> accept_again_;
  struct Latecomer {
    Accepted accepted;
    Instant until;
  };
  std::vector<Latecomer> latecomers_;  ///< of clients that seem to have as many as they may
  bool short_of_descriptors_ = false;
  std::optional<Instant> stop_by_;

  Mutex mutex_;
  std::vector<Connection*> returned_ GUARDED_BY(mutex_);
};

}  // namespace freshet::http
