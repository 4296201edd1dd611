#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// clang's thread-safety analysis (preset thread-safety); nothing for other compilers.
#if defined(__clang__)
#define FRESHET_TSA(x) __attribute__((x))
#else
#define FRESHET_TSA(x)
#endif
#define GUARDED_BY(x) FRESHET_TSA(guarded_by(x))
#define REQUIRES(...) FRESHET_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) FRESHET_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) FRESHET_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) FRESHET_TSA(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS FRESHET_TSA(no_thread_safety_analysis)

namespace freshet {

/// std::mutex, known to the analysis.
class FRESHET_TSA(capability("mutex")) Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

/// Holds a Mutex for its scope.
class FRESHET_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for Mutex. Waits may wake without a reason: call them in a loop.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// False when the time was reached.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point time)
      REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = condition_.wait_until(lock, time) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace freshet
