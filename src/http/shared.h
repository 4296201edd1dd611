#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "http/options.h"
#include "http/refusals.h"
#include "http/tls_certificates.h"

namespace freshet::http {

/// What the threads of a server share.
class Shared {
 public:
  /// `c`: nullptr unless HTTPS is spoken.
  explicit Shared(Options o, std::unique_ptr<TlsCertificates> c = nullptr)
      : options(std::move(o)),
        certificates(std::move(c)),
        limits_(std::make_shared<const Limits>(options.limits)) {
    options.bodies->change(options.limits.body_memory);
  }

  /// Those in force.
  std::shared_ptr<const Limits> limits() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return limits_;
  }
  void change(Limits limits) EXCLUDES(mutex_) {
    options.bodies->change(limits.body_memory);
    auto changed = std::make_shared<const Limits>(std::move(limits));
    const MutexLock lock(mutex_);
    limits_.swap(changed);
  }

  const Options options;
  const std::unique_ptr<TlsCertificates> certificates;
  std::atomic<bool> stopping{false};
  mutable Refusals refusals;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Limits> limits_ GUARDED_BY(mutex_);
};

}  // namespace freshet::http
