#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "remote/curl_client.h"
#include "remote/curl_lane.h"
#include "remote/curl_transfer.h"
#include "remote/host_queue.h"
#include "remote/poller.h"
#include "remote/rate_limits.h"
#include "remote/trusted_certificates.h"

namespace freshet::remote {

/// What CurlClient's thread does: starts requests as hosts have room, moves their bytes, and ends
/// them when they are complete, late or cancelled. run() is one thread; submit(), stop() and
/// counters() are for any.
class CurlLoop {
 public:
  /// Error internal: no descriptors, or libcurl cannot start.
  static Result<std::unique_ptr<CurlLoop>> create(const CurlOptions& options);
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;
  ~CurlLoop() = default;

  void run() EXCLUDES(mutex_);
  /// False, and `order` is as it was: the loop has ended or is about to.
  bool submit(HttpOrder& order) EXCLUDES(mutex_);
  void stop();
  CurlCounters counters() const;
  const RateLimits& rate_limits() const { return rate_limits_; }

 private:
  using Id = HostQueue::Id;
  /// Requests whose bodies go to a sink have connections of their own: one that waits for its sink
  /// would hold up every other stream of an HTTP/2 connection.
  struct Lane {
    std::unique_ptr<CurlLane> curl;
    HostQueue queue{};
  };

  CurlLoop(const CurlOptions& options, Poller poller);
  Result<void> open();

  // Beginnings
  void take_orders() EXCLUDES(mutex_);
  void admit(HttpOrder order);
  void approach_host(CurlTransfer& transfer);
  void start(CurlTransfer& transfer);
  Result<void> hand_to_curl(CurlTransfer& transfer);
  void start_those_next();

  // What happens meanwhile
  Instant next_time() const;
  void dispatch(const Poller::Event& event);
  void end_cancelled();
  void on_sink_ready(int descriptor);
  void watch_waiting_sinks();
  void check_deadlines(Instant time);
  void schedule(CurlTransfer& transfer);

  // Ends
  void settle_finished();
  void conclude(CurlTransfer& transfer, CURLcode code);
  void finish(CurlTransfer& transfer, Result<HttpReply> result);
  void note_rate_limit(const CurlTransfer& transfer, const HttpReply& reply);
  void leave_curl(CurlTransfer& transfer);
  void leave_host(CurlTransfer& transfer);
  void end_all() EXCLUDES(mutex_);

  void forget_sink(const CurlTransfer& transfer);
  std::size_t first_limit(const CurlTransfer& transfer) const;
  static bool may_be_used_again(const CurlTransfer& transfer);
  void learn_limit(const CurlTransfer& transfer) const;
  Lane& lane_of(const CurlTransfer& transfer);

  const CurlOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cancels_{false};  ///< some token was cancelled
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> in_flight_{0};
  RateLimits rate_limits_;

  // Of the thread in run(). What libcurl calls back into, or shares, is before what uses it.
  Poller poller_;
  TrustedCertificates certificates_;
  ShareHandle share_;
  std::vector<EasyHandle> idle_;
  std::unordered_map<Id, std::unique_ptr<CurlTransfer>> transfers_;
  Lane shared_;
  Lane own_;
  Id last_id_ = 0;
  std::set<std::pair<Instant, Id>> deadlines_;
  std::unordered_map<int, Id> sinks_;                 ///< that are waited for, by descriptor
  std::vector<Id> waiting_sinks_;                     ///< that were not waited for yet
  std::vector<std::pair<Lane*, std::string>> freed_;  ///< hosts where somebody has left

  Mutex mutex_;
  std::vector<HttpOrder> orders_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace freshet::remote
