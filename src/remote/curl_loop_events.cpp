#include <fmt/format.h>

#include <algorithm>

#include "remote/curl_loop.h"

namespace freshet::remote {
namespace {

using Stage = CurlTransfer::Stage;

constexpr std::size_t kIdleHandles = 64;

}  // namespace

void CurlLoop::dispatch(const Poller::Event& event) {
  switch (event.kind) {
    case Poller::Kind::wake:
      return;
    case Poller::Kind::shared_socket:
      shared_.curl->on_socket(event.descriptor, event.events);
      return;
    case Poller::Kind::own_socket:
      own_.curl->on_socket(event.descriptor, event.events);
      return;
    case Poller::Kind::sink:
      on_sink_ready(event.descriptor);
      return;
  }
}

void CurlLoop::end_cancelled() {
  if (!cancels_.exchange(false, std::memory_order_acq_rel)) {
    return;
  }
  std::vector<Id> ids;
  for (const auto& [id, transfer] : transfers_) {
    if (transfer->order.cancel.cancelled()) {
      ids.push_back(id);
    }
  }
  for (const Id id : ids) {
    if (const auto found = transfers_.find(id); found != transfers_.end()) {
      const std::string host = found->second->address.name();
      finish(*found->second,
             fail(ErrorClass::conflict, fmt::format("the request to {} was cancelled", host)));
    }
  }
}

void CurlLoop::watch_waiting_sinks() {
  while (!waiting_sinks_.empty()) {
    const auto found = transfers_.find(waiting_sinks_.back());
    waiting_sinks_.pop_back();
    if (found == transfers_.end() || !found->second->sink_waits()) {
      continue;
    }
    CurlTransfer& transfer = *found->second;
    const int descriptor = transfer.order.request.body_to->descriptor();
    if (!poller_.watch(Poller::Kind::sink, descriptor, EPOLLOUT)) {
      finish(transfer,
             fail(ErrorClass::internal, "the receiver of an answer cannot be waited for"));
      continue;
    }
    sinks_[descriptor] = transfer.id;
  }
}

void CurlLoop::on_sink_ready(int descriptor) {
  const auto found = sinks_.find(descriptor);
  if (found == sinks_.end()) {
    return;
  }
  CurlTransfer& transfer = *transfers_.at(found->second);
  transfer.serve_sink();
  if (transfer.sink_waits()) {
    return;  // again or still; it is watched
  }
  poller_.forget(descriptor);
  sinks_.erase(found);
  if (transfer.must_end()) {
    conclude(transfer, CURLE_WRITE_ERROR);
  } else if (transfer.stage == Stage::draining) {
    conclude(transfer, CURLE_OK);
  } else {
    schedule(transfer);  // its silence counts again
  }
}

void CurlLoop::schedule(CurlTransfer& transfer) {
  const Instant at = transfer.deadline(options_.connect_limit);
  if (at >= transfer.scheduled) {
    return;  // looked at again when the earlier time has come
  }
  deadlines_.erase({transfer.scheduled, transfer.id});
  transfer.scheduled = at;
  deadlines_.insert({at, transfer.id});
}

void CurlLoop::check_deadlines(Instant time) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= time) {
    CurlTransfer& transfer = *transfers_.at(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    transfer.scheduled = Instant::max();
    if (transfer.deadline(options_.connect_limit) > time) {
      schedule(transfer);
      continue;
    }
    Error error = transfer.expired(options_.connect_limit, time);
    transfer.distrust_connection();
    finish(transfer, transfer.break_off(std::move(error)));
  }
}

void CurlLoop::settle_finished() {
  for (Lane* lane : {&shared_, &own_}) {
    for (const CurlLane::Finished& finished : lane->curl->take_finished()) {
      void* transfer = nullptr;
      curl_easy_getinfo(finished.easy, CURLINFO_PRIVATE, &transfer);
      conclude(*static_cast<CurlTransfer*>(transfer), finished.code);
    }
  }
}

void CurlLoop::conclude(CurlTransfer& transfer, CURLcode code) {
  if (code == CURLE_OK && transfer.sink_waits()) {
    transfer.enter(Stage::draining, now());
    return;
  }
  auto result = transfer.conclude(code, options_.connect_limit);
  if (result) {
    finish(transfer, std::move(*result));
    return;
  }
  leave_curl(transfer);
  leave_host(transfer);
  approach_host(transfer);
}

void CurlLoop::finish(CurlTransfer& transfer, Result<HttpReply> result) {
  if (result) {
    note_rate_limit(transfer, *result);
  }
  leave_curl(transfer);
  leave_host(transfer);
  forget_sink(transfer);
  if (transfer.scheduled != Instant::max()) {
    deadlines_.erase({transfer.scheduled, transfer.id});
  }
  const HttpClient::Done done = std::move(transfer.order.done);
  transfers_.erase(transfer.id);
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  done(std::move(result));
}

void CurlLoop::note_rate_limit(const CurlTransfer& transfer, const HttpReply& reply) {
  const WallTime time = wall_now();
  if (const auto limit = read_rate_limit(reply.headers, time)) {
    rate_limits_.note(transfer.address.name(), transfer.order.request.authorization.reveal(),
                      *limit, time);
  }
}

void CurlLoop::leave_curl(CurlTransfer& transfer) {
  if (transfer.handle() == nullptr) {
    return;
  }
  learn_limit(transfer);
  long opened = 0;
  curl_easy_getinfo(transfer.handle(), CURLINFO_NUM_CONNECTS, &opened);
  connections_.fetch_add(static_cast<std::uint64_t>(std::max(opened, 0L)),
                         std::memory_order_relaxed);
  lane_of(transfer).curl->remove(transfer.handle());
  EasyHandle easy = transfer.release();
  if (may_be_used_again(transfer) && idle_.size() < kIdleHandles) {
    idle_.push_back(std::move(easy));
  }
}

void CurlLoop::leave_host(CurlTransfer& transfer) {
  if (transfer.host == nullptr) {
    return;
  }
  Lane& lane = lane_of(transfer);
  if (transfer.stage == Stage::waiting) {
    lane.queue.give_up(*transfer.host);
  } else {
    lane.queue.leave(*transfer.host);
  }
  transfer.host = nullptr;
  freed_.emplace_back(&lane, std::move(transfer.host_key));
}

void CurlLoop::end_all() {
  std::vector<HttpOrder> orders;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    orders.swap(orders_);
  }
  const auto stopped = [] {
    return fail(ErrorClass::conflict, "the client for upstreams was stopped");
  };
  while (!transfers_.empty()) {
    finish(*transfers_.begin()->second, stopped());
  }
  for (const HttpOrder& order : orders) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    order.done(stopped());
  }
}

void CurlLoop::forget_sink(const CurlTransfer& transfer) {
  if (transfer.order.request.body_to == nullptr) {
    return;
  }
  const auto found = std::find_if(sinks_.begin(), sinks_.end(),
                                  [&](const auto& entry) { return entry.second == transfer.id; });
  if (found != sinks_.end()) {
    poller_.forget(found->first);
    sinks_.erase(found);
  }
}

}  // namespace freshet::remote
