#include "remote/curl_transfer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.h"
#include "remote/internal_address.h"

namespace freshet::remote {
namespace {

using State = ReplyCollector::State;

/// Nobody means more, and whoever adds it to a time needs no limit of his own.
constexpr curl_off_t kLongestWait = curl_off_t{24} * 3600;  // seconds

}  // namespace

CurlTransfer::CurlTransfer(HttpOrder order_, HttpAddress address_, std::uint64_t id_,
                           std::vector<std::uint64_t>& waiting_sinks)
    : id(id_),
      order(std::move(order_)),
      address(std::move(address_)),
      waiting_sinks_(waiting_sinks),
      collector_(order.request.largest_answer, order.request.body_to),
      stage_since_(order.begun),
      last_byte_(order.begun),
      first_host_(address.host) {}

EasyHandle CurlTransfer::release() {
  if (easy_) {
    curl_easy_reset(easy_.get());
  }
  headers_.reset();
  return std::move(easy_);
}

void CurlTransfer::distrust_connection() {
  if (easy_) {
    curl_easy_setopt(easy_.get(), CURLOPT_FORBID_REUSE, 1L);
  }
}

void CurlTransfer::enter(Stage next, Instant time) {
  stage = next;
  stage_since_ = time;
  last_byte_ = time;
}

void CurlTransfer::note_sign(Instant time) {
  last_byte_ = time;
  if (host != nullptr) {
    host->last_sign = time;
  }
}

std::size_t CurlTransfer::take_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  transfer->note_sign(now());
  transfer->collector_.add_line({data, size * count});
  return transfer->must_end() ? 0 : size * count;
}

std::size_t CurlTransfer::take_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  if (transfer->sink_waits()) {
    transfer->paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  transfer->note_sign(now());
  transfer->collector_.add_body({data, size * count});
  if (transfer->sink_waits()) {
    transfer->waiting_sinks_.push_back(transfer->id);
  }
  return transfer->must_end() ? 0 : size * count;
}

/// A host of the internet cannot know what stands behind our firewall; it can only try.
bool CurlTransfer::may_be_asked(std::string_view ip) {
  const bool internal = is_internal_address(ip);
  if (redirects_ == 0) {
    first_is_internal_ = internal;
  }
  led_inside_ = internal && !first_is_internal_ && address.host != first_host_;
  return !led_inside_;
}

int CurlTransfer::take_connection(void* self, char* ip, char* /*local_ip*/, int /*port*/,
                                  int /*local_port*/) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  if (!transfer->may_be_asked(ip)) {
    return CURL_PREREQFUNC_ABORT;
  }
  const Instant time = now();
  transfer->enter(Stage::underway, time);
  transfer->note_sign(time);
  return CURL_PREREQFUNC_OK;
}

void CurlTransfer::serve_sink() {
  collector_.serve_sink();
  if (sink_waits() || must_end()) {
    return;
  }
  last_byte_ = now();  // it was not the upstream that was silent
  if (paused_) {
    paused_ = false;
    curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
  }
}

/// A server may close an idle connection at the moment when a request leaves on it. libcurl sends
/// it anew over HTTP/1.1; over HTTP/2 this version reports an error.
bool CurlTransfer::worth_another_try(CURLcode code) const {
  const bool lost = code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM || code == CURLE_SEND_ERROR ||
                    code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
  long opened = 1;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &opened);
  return lost && opened == 0 && collector_.untouched() && retries_ < kMostRetries;
}

std::optional<Result<HttpReply>> CurlTransfer::conclude(CURLcode code, Duration connect_limit) {
  if (must_end() && collector_.state() != State::enough) {
    return fail(collector_error());
  }
  if (led_inside_) {
    return fail(ErrorClass::protocol,
                fmt::format("{} redirects to {}, which is an address of this network and not of "
                            "the internet; if that is where the repository is now, change its url",
                            first_host_, address.name()));
  }
  if (worth_another_try(code)) {
    ++retries_;
    return std::nullopt;
  }
  if (code != CURLE_OK && !collector_.speaks_for_itself()) {
    long system_error = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &system_error);
    return fail(explain_curl({code, error_text_.data(), system_error}, address.name(),
                             starting_limit(connect_limit)));
  }
  auto redirection = judge_redirect(order.request, address, collector_.reply().status,
                                    collector_.header("location"), redirects_);
  if (!redirection) {
    return fail(std::move(redirection).error());
  }
  if (redirection->next == Redirection::Next::follow) {
    ++redirects_;
    address = std::move(redirection->to);
    collector_.restart();
    return std::nullopt;
  }
  return take_reply();
}

Result<HttpReply> CurlTransfer::break_off(Error error) {
  if (!collector_.speaks_for_itself()) {
    return fail(std::move(error));
  }
  return take_reply();
}

/// libcurl reads seconds and dates; 0 is also what it makes of other texts.
std::optional<std::chrono::seconds> CurlTransfer::retry_after(std::string_view value) const {
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds);
  if (seconds == 0 && value.substr(0, 1) != "0") {
    return std::nullopt;
  }
  return std::chrono::seconds(std::clamp<curl_off_t>(seconds, 0, kLongestWait));
}

HttpReply CurlTransfer::take_reply() {
  HttpReply reply = std::move(collector_.reply());
  reply.final_url = address.url;
  for (const auto& [name, value] : reply.headers) {
    if (name == "retry-after") {
      reply.retry_after = retry_after(value);
    }
  }
  return reply;
}

Error CurlTransfer::collector_error() const {
  const std::string host_name = address.name();
  switch (collector_.state()) {
    case State::head_too_large:
      return {ErrorClass::protocol, fmt::format("the answer of {} has too large a head", host_name),
              std::nullopt};
    case State::body_too_large:
      return {ErrorClass::protocol,
              fmt::format("the answer of {} is larger than {}", host_name,
                          format_size(order.request.largest_answer)),
              std::nullopt};
    default:
      return {ErrorClass::protocol,
              fmt::format("the answer of {} was not taken to its end", host_name), std::nullopt};
  }
}

Duration CurlTransfer::starting_limit(Duration connect_limit) const {
  Duration limit = connect_limit;
  for (const Duration other : {order.limits.total, order.limits.silence}) {
    if (other > Duration::zero()) {
      limit = std::min(limit, other);
    }
  }
  return limit;
}

/// While the host shows life to others, a request that waits for a connection has not failed.
Instant CurlTransfer::patience_end(Duration connect_limit) const {
  const Instant since = host == nullptr ? stage_since_ : std::max(stage_since_, host->last_sign);
  const Duration silence = order.limits.silence;
  switch (stage) {
    case Stage::waiting:
      return silence > Duration::zero() ? since + silence : Instant::max();
    case Stage::starting:
      return since + starting_limit(connect_limit);
    case Stage::underway:
      return silence > Duration::zero() && !sink_waits() ? last_byte_ + silence : Instant::max();
    case Stage::draining:
      return Instant::max();
  }
  return Instant::max();
}

Instant CurlTransfer::deadline(Duration connect_limit) const {
  const Instant end =
      order.limits.total > Duration::zero() ? order.begun + order.limits.total : Instant::max();
  return std::min(end, patience_end(connect_limit));
}

Error CurlTransfer::expired(Duration connect_limit, Instant time) const {
  if (stage == Stage::starting) {
    return connect_timeout(address.name(), starting_limit(connect_limit));
  }
  if (patience_end(connect_limit) <= time) {
    return {ErrorClass::timeout,
            fmt::format("no byte from {} for {}", address.name(),
                        format_duration(order.limits.silence)),
            std::nullopt};
  }
  return {ErrorClass::timeout,
          fmt::format("{} did not answer completely within {}", address.name(),
                      format_duration(order.limits.total)),
          std::nullopt};
}

}  // namespace freshet::remote
