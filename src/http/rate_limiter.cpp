#include "http/rate_limiter.h"

#include <algorithm>
#include <utility>

namespace freshet::http {

using std::chrono::nanoseconds;

std::optional<nanoseconds> RateLimiter::enter(const std::string& client, const Rate& rate,
                                              Instant now) {
  if (client.empty() || rate.count == 0) {
    return std::nullopt;
  }
  const nanoseconds capacity = rate.per;
  const nanoseconds per_token =
      capacity / static_cast<nanoseconds::rep>(std::min<std::uint64_t>(rate.count, 1'000'000'000));
  const MutexLock lock(mutex_);
  Bucket& bucket = touch(client, now);
  if (bucket.per_token != per_token) {
    bucket.convert(rate, per_token, now);
  }
  const auto spared = static_cast<nanoseconds::rep>(std::min(bucket.inside, kInside));
  // What those inside took stands against what they are spared; of the rest a bucketful is owed.
  const Instant most = bucket.entered + capacity + std::max(capacity, spared * per_token);
  const Instant full_at = std::max(std::min(bucket.full_at, most), now) + per_token;
  const nanoseconds missing = full_at - now - capacity - spared * per_token;
  if (missing > nanoseconds::zero() || bucket.inside >= kInside + rate.count) {
    return std::max(full_at - now - capacity, per_token);
  }
  bucket.full_at = full_at;
  bucket.entered = now;
  ++bucket.inside;
  return std::nullopt;
}

void RateLimiter::Bucket::convert(const Rate& rate, nanoseconds new_per_token, Instant now) {
  if (per_token > nanoseconds::zero() && full_at > now) {
    const auto missing = static_cast<std::uint64_t>((full_at - now) / per_token);
    full_at = now + static_cast<nanoseconds::rep>(std::min(missing, rate.count)) * new_per_token;
  }
  per_token = new_per_token;
}

void RateLimiter::leave(const std::string& client) {
  const MutexLock lock(mutex_);
  Bucket* bucket = find(client);
  // It was forgotten meanwhile, or is a new one.
  if (bucket != nullptr && bucket->inside > 0) {
    --bucket->inside;
  }
}

void RateLimiter::give_back(const std::string& client) {
  const MutexLock lock(mutex_);
  if (Bucket* bucket = find(client)) {
    bucket->full_at -= bucket->per_token;
  }
}

std::size_t RateLimiter::clients() const {
  const MutexLock lock(mutex_);
  return buckets_.size();
}

RateLimiter::Bucket* RateLimiter::find(const std::string& client) {
  const auto found = by_client_.find(client);
  return found == by_client_.end() ? nullptr : &*found->second;
}

RateLimiter::Bucket& RateLimiter::touch(const std::string& client, Instant now) {
  const auto found = by_client_.find(client);
  if (found != by_client_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
    return buckets_.front();
  }
  if (buckets_.size() >= max_clients_) {
    by_client_.erase(buckets_.back().client);
    buckets_.pop_back();
  }
  buckets_.push_front({client, now, now, nanoseconds::zero(), 0});
  by_client_.emplace(client, buckets_.begin());
  return buckets_.front();
}

Visit::Visit(Visit&& other) noexcept
    : limiter_(std::exchange(other.limiter_, nullptr)), client_(std::move(other.client_)) {}

Visit& Visit::operator=(Visit&& other) noexcept {
  if (this != &other) {
    end();
    limiter_ = std::exchange(other.limiter_, nullptr);
    client_ = std::move(other.client_);
  }
  return *this;
}

void Visit::end() {
  if (limiter_ != nullptr) {
    std::exchange(limiter_, nullptr)->leave(client_);
  }
}

}  // namespace freshet::http
