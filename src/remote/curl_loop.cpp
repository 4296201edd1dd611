#include "remote/curl_loop.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet::remote {
namespace {

constexpr long kStreams = 100;  ///< servers allow 100 or 128 at once on a connection

std::string certificates_of_libcurl() {
  const EasyHandle easy(curl_easy_init());
  const char* path = nullptr;
  if (easy && curl_easy_getinfo(easy.get(), CURLINFO_CAINFO, &path) == CURLE_OK &&
      path != nullptr) {
    return path;
  }
  return "/etc/ssl/certs/ca-certificates.crt";
}

}  // namespace

CurlLoop::CurlLoop(const CurlOptions& options, Poller poller)
    : options_(options),
      poller_(std::move(poller)),
      certificates_(certificates_of_libcurl()),
      share_(curl_share_init()) {}

Result<std::unique_ptr<CurlLoop>> CurlLoop::create(const CurlOptions& options) {
  FRESHET_CHECK(start_libcurl());
  FRESHET_TRY(Poller poller, Poller::create());
  std::unique_ptr<CurlLoop> loop(new CurlLoop(options, std::move(poller)));
  FRESHET_CHECK(loop->open());
  return loop;
}

Result<void> CurlLoop::open() {
  CURLSH* share = share_.get();
  if (share == nullptr ||
      curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
      curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK) {
    return fail(ErrorClass::internal, "libcurl cannot start");
  }
  const CurlLane::Limits limits{static_cast<long>(options_.connections_per_host),
                                static_cast<long>(options_.connections), kStreams};
  FRESHET_TRY(shared_.curl, CurlLane::create(poller_, Poller::Kind::shared_socket, limits));
  FRESHET_TRY(own_.curl, CurlLane::create(poller_, Poller::Kind::own_socket, limits));
  return {};
}

bool CurlLoop::submit(HttpOrder& order) {
  const MutexLock lock(mutex_);
  if (ended_ || stopping_.load(std::memory_order_acquire)) {
    return false;
  }
  orders_.push_back(std::move(order));
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  if (orders_.size() == 1) {
    poller_.wake();
  }
  return true;
}

void CurlLoop::stop() {
  stopping_.store(true, std::memory_order_release);
  poller_.wake();
}

CurlCounters CurlLoop::counters() const {
  return {requests_.load(std::memory_order_relaxed), connections_.load(std::memory_order_relaxed),
          in_flight_.load(std::memory_order_relaxed)};
}

void CurlLoop::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    for (const Poller::Event& event : poller_.wait(next_time())) {
      dispatch(event);
    }
    take_orders();
    end_cancelled();
    const Instant time = now();
    shared_.curl->on_time(time);
    own_.curl->on_time(time);
    settle_finished();
    watch_waiting_sinks();
    check_deadlines(now());
    start_those_next();
  }
  end_all();
}

Instant CurlLoop::next_time() const {
  const Instant first = deadlines_.empty() ? Instant::max() : deadlines_.begin()->first;
  return std::min({first, shared_.curl->next_time(), own_.curl->next_time()});
}

void CurlLoop::take_orders() {
  std::vector<HttpOrder> orders;
  {
    const MutexLock lock(mutex_);
    orders.swap(orders_);
  }
  for (HttpOrder& order : orders) {
    admit(std::move(order));
  }
}

void CurlLoop::admit(HttpOrder order) {
  auto address = parse_address(order.request.url);
  if (!address) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    order.done(fail(std::move(address).error()));
    return;
  }
  const Id id = ++last_id_;
  auto& place = transfers_[id];
  place = std::make_unique<CurlTransfer>(std::move(order), std::move(*address), id, waiting_sinks_);
  CurlTransfer& transfer = *place;
  if (transfer.order.cancel.cancelled()) {
    finish(transfer, fail(ErrorClass::conflict, "the request was cancelled before it began"));
  } else {
    transfer.cancel_watch = CancelToken::Watch(transfer.order.cancel, [this] {
      cancels_.store(true, std::memory_order_release);
      poller_.wake();
    });
    approach_host(transfer);
  }
}

void CurlLoop::approach_host(CurlTransfer& transfer) {
  HostQueue& queue = lane_of(transfer).queue;
  transfer.host_key = transfer.address.key();
  transfer.host = &queue.enter(transfer.host_key, first_limit(transfer));
  transfer.enter(CurlTransfer::Stage::waiting, now());
  if (queue.start(*transfer.host, transfer.id)) {
    start(transfer);
  } else {
    schedule(transfer);
  }
}

void CurlLoop::start(CurlTransfer& transfer) {
  transfer.enter(CurlTransfer::Stage::starting, now());
  if (auto started = hand_to_curl(transfer); !started) {
    finish(transfer, fail(std::move(started).error()));
    return;
  }
  requests_.fetch_add(1, std::memory_order_relaxed);
  schedule(transfer);
}

/// libcurl refuses to change the size of a buffer that a handle has got already, as it has after a
/// request that shared its connection with others: packs, which have larger ones, take new handles.
bool CurlLoop::may_be_used_again(const CurlTransfer& transfer) {
  return transfer.order.request.body_to == nullptr;
}

Result<void> CurlLoop::hand_to_curl(CurlTransfer& transfer) {
  CurlTransfer::Settings settings{
      options_.user_agent, {}, certificates_.directory(), options_.connect_limit};
  if (transfer.address.secure) {
    FRESHET_TRY(settings.ca_file, certificates_.file_with(transfer.order.request.ca_file));
  }
  EasyHandle easy;
  if (idle_.empty() || !may_be_used_again(transfer)) {
    easy.reset(curl_easy_init());
    curl_easy_setopt(easy.get(), CURLOPT_SHARE, share_.get());  // also when it is used again
  } else {
    easy = std::move(idle_.back());
    idle_.pop_back();
  }
  if (!easy) {
    return fail(ErrorClass::internal, "no memory for a request");
  }
  FRESHET_CHECK(transfer.prepare(std::move(easy), settings));
  if (lane_of(transfer).curl->add(transfer.handle()) != CURLM_OK) {
    return fail(ErrorClass::internal, "libcurl takes no more requests");
  }
  return {};
}

void CurlLoop::start_those_next() {
  while (!freed_.empty()) {
    const auto [lane, key] = std::move(freed_.back());
    freed_.pop_back();
    HostQueue::Host* host = lane->queue.find(key);
    if (host == nullptr) {
      continue;
    }
    const auto alive = [this](Id id) { return transfers_.count(id) != 0; };
    while (const auto id = lane->queue.next(*host, alive)) {
      start(*transfers_.at(*id));
    }
    lane->queue.tidy(key);
  }
}

/// Where a request needs a connection to itself, no more begin than may have one: our line is fair,
/// libcurl's is not. Only the first answer over TLS tells which version of HTTP it is.
std::size_t CurlLoop::first_limit(const CurlTransfer& transfer) const {
  const bool may_multiplex = transfer.address.secure && transfer.order.request.body_to == nullptr;
  return may_multiplex ? options_.requests_per_host
                       : std::min(options_.requests_per_host, options_.connections_per_host);
}

void CurlLoop::learn_limit(const CurlTransfer& transfer) const {
  long version = 0;
  if (curl_easy_getinfo(transfer.handle(), CURLINFO_HTTP_VERSION, &version) == CURLE_OK &&
      version != 0 && transfer.host != nullptr && transfer.order.request.body_to == nullptr) {
    const bool multiplexed = version >= CURL_HTTP_VERSION_2_0;
    transfer.host->limit =
        multiplexed ? options_.requests_per_host
                    : std::min(options_.requests_per_host, options_.connections_per_host);
  }
}

CurlLoop::Lane& CurlLoop::lane_of(const CurlTransfer& transfer) {
  return transfer.order.request.body_to != nullptr ? own_ : shared_;
}

}  // namespace freshet::remote
