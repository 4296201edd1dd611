#include "remote/curl_client.h"

#include <pthread.h>

#include <csignal>
#include <optional>

#include "base/mutex.h"
#include "remote/curl_loop.h"

namespace freshet::remote {
namespace {

/// Signals are for other threads; one that a write to a closed connection raises is for nobody.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// Where send() waits.
struct Mailbox {
  Mutex mutex;
  Condition arrived;
  std::optional<Result<HttpReply>> result GUARDED_BY(mutex);
};

}  // namespace

CurlClient::CurlClient(std::unique_ptr<CurlLoop> loop)
    : loop_(std::move(loop)), thread_([this] {
        block_signals();
        loop_->run();
      }) {}

CurlClient::~CurlClient() {
  stop();
}

Result<std::unique_ptr<CurlClient>> CurlClient::start(const CurlOptions& options) {
  FRESHET_TRY(auto loop, CurlLoop::create(options));
  return std::unique_ptr<CurlClient>(new CurlClient(std::move(loop)));
}

Result<HttpReply> CurlClient::send(const HttpRequest& request, const TimeLimits& limits,
                                   const CancelToken& cancel) {
  Mailbox mailbox;
  send_async(request, limits, cancel, [&mailbox](Result<HttpReply> result) {
    const MutexLock lock(mailbox.mutex);
    mailbox.result = std::move(result);
    mailbox.arrived.notify_one();  // under the lock: the mailbox goes when the waiter sees it
  });
  const MutexLock lock(mailbox.mutex);
  while (!mailbox.result) {
    mailbox.arrived.wait(mailbox.mutex);
  }
  return std::move(*mailbox.result);
}

void CurlClient::send_async(HttpRequest request, const TimeLimits& limits,
                            const CancelToken& cancel, Done done) {
  HttpOrder order{std::move(request), limits, cancel, std::move(done), now()};
  if (!loop_->submit(order)) {
    order.done(fail(ErrorClass::conflict, "the client for upstreams was stopped"));
  }
}

void CurlClient::stop() {
  loop_->stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

CurlCounters CurlClient::counters() const {
  return loop_->counters();
}

std::map<std::string, RateLimit> CurlClient::rate_limits() const {
  return loop_->rate_limits().by_host(wall_now());
}

}  // namespace freshet::remote
