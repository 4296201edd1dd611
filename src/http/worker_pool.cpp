#include "http/worker_pool.h"

#include <utility>

namespace freshet::http {

WorkerPool::WorkerPool(std::size_t workers, std::size_t max_waiting,
                       std::function<void(Connection&)> run)
    : max_waiting_(max_waiting), run_(std::move(run)) {
  threads_.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

bool WorkerPool::submit(Connection& connection) {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting_) {
      return false;
    }
    waiting_.push_back(&connection);
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void WorkerPool::work() {
  while (Connection* connection = take()) {
    run_(*connection);
  }
}

Connection* WorkerPool::take() {
  const MutexLock lock(mutex_);
  while (waiting_.empty() && !stopping_) {
    changed_.wait(mutex_);
  }
  if (waiting_.empty()) {
    return nullptr;
  }
  Connection* connection = waiting_.front();
  waiting_.pop_front();
  return connection;
}

}  // namespace freshet::http
