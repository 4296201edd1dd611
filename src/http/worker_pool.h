#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace freshet::http {

class Connection;

/// Threads that take connections from one bounded queue.
class WorkerPool {
 public:
  /// `run` is called by every worker and must not throw.
  WorkerPool(std::size_t workers, std::size_t max_waiting, std::function<void(Connection&)> run);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False: the queue is full. The connection must live until `run` has returned, or until stop().
  bool submit(Connection& connection) EXCLUDES(mutex_);
  /// Drops what waits and returns when every worker has ended.
  void stop() EXCLUDES(mutex_);

 private:
  void work() EXCLUDES(mutex_);
  Connection* take() EXCLUDES(mutex_);

  const std::size_t max_waiting_;
  const std::function<void(Connection&)> run_;

  Mutex mutex_;
  Condition changed_;
  std::deque<Connection*> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::vector<std::thread> threads_;
};

}  // namespace freshet::http
