#include "http/request_reader.h"

#include <algorithm>
#include <utility>

namespace freshet::http {
namespace {

constexpr std::size_t kKeptInput = 4096;
constexpr std::size_t kReadHead = std::size_t{16} * 1024;
constexpr std::size_t kReadBody = std::size_t{256} * 1024;
constexpr std::size_t kReadChunks = std::size_t{64} * 1024;
/// What a tap computes holds up everybody else: some 40 us for as much of an HMAC.
constexpr std::size_t kReadTapped = std::size_t{16} * 1024;

}  // namespace

RequestReader::RequestReader(HeadLimits limits, std::uint64_t max_body, MemoryBudget& budget)
    : limits_(limits), max_body_(max_body), budget_(budget), scanner_(limits) {}

RequestReader::Need RequestReader::add(std::string_view bytes) {
  if (!input_.empty()) {
    input_.append(bytes);
    return advance();
  }
  // The usual case: all of it is used at once, without a stay in the input.
  const Need need = use(bytes);
  input_.assign(bytes);
  return need;
}

RequestReader::Need RequestReader::advance() {
  std::string_view rest = input_;
  const Need need = use(rest);
  input_.erase(0, input_.size() - rest.size());
  if (input_.empty() && input_.capacity() > kKeptInput) {
    std::string().swap(input_);
  }
  return need;
}

RequestReader::Need RequestReader::use(std::string_view& input) {
  return phase_ == Phase::head ? read_head(input) : feed_body(input);
}

RequestReader::Need RequestReader::read_head(std::string_view& input) {
  // One empty line before a request is what some senders leave behind a body.
  if (!skipped_line_ && input.starts_with("\r\n")) {
    input.remove_prefix(2);
    skipped_line_ = true;
  }
  if (input.empty() || (!skipped_line_ && input == "\r")) {
    return Need::bytes;
  }
  const auto end = scanner_.scan(input);
  if (!end) {
    return refuse(end.error());
  }
  if (!*end) {
    return Need::bytes;
  }
  auto head = parse_head(input.substr(0, **end));
  if (!head) {
    return refuse(head.error());
  }
  head_ = *std::move(head);
  input.remove_prefix(**end);
  begin_body();
  return feed_body(input);
}

void RequestReader::begin_body() {
  phase_ = Phase::undecided;
  body_.emplace(budget_, max_body_);
  if (head_->chunked) {
    body_->begin_chunked();
  } else {
    body_->begin_length(head_->content_length.value_or(0));
  }
}

RequestReader::Need RequestReader::feed_body(std::string_view& input) {
  const bool small =
      head_->content_length.value_or(0) <= std::min<std::uint64_t>(kSmallBody, max_body_);
  if (phase_ == Phase::body || small) {
    input.remove_prefix(body_->feed(input));
  }
  switch (body_->state()) {
    case BodyReader::State::whole:
      return Need::application;
    case BodyReader::State::malformed:
      return refuse({400, "bad_request", "the chunks of the body are malformed"});
    case BodyReader::State::no_memory:
      return refuse({503, "busy", "too many request bodies are on their way"});
    case BodyReader::State::too_large:
      // What the application says by the head alone counts before that.
      return phase_ == Phase::body ? refuse({413, "too_large", "the body is too large"})
                                   : Need::application;
    case BodyReader::State::reading:
      break;
  }
  const bool waits_for_us = head_->expects_continue && body_->size() == 0;
  const bool decide_now = !small || waits_for_us || body_->size() > kSmallBody;
  return phase_ == Phase::undecided && decide_now ? Need::application : Need::bytes;
}

RequestReader::Need RequestReader::take_body(std::uint64_t limit, bool keep) {
  phase_ = Phase::body;
  body_->set_limit(limit);
  unwanted_ = !keep;
  if (!keep) {
    body_->discard();
  } else if (head_->request.tap) {
    body_->attach(head_->request.tap);
  }
  return advance();
}

const Request& RequestReader::complete_request() {
  head_->request.body = body_->take();
  return head_->request;
}

std::size_t RequestReader::appetite() const {
  if (!head_complete()) {
    return kReadHead;
  }
  if (head_->request.tap) {
    return kReadTapped;
  }
  if (head_->chunked) {
    return kReadChunks;
  }
  const std::uint64_t here = body_->size() + input_.size();
  const std::uint64_t length = head_->content_length.value_or(0);
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(length - std::min(length, here), 1, kReadBody));
}

void RequestReader::release_body() {
  if (head_complete()) {
    std::string().swap(head_->request.body);
    body_->release();
  }
}

void RequestReader::next() {
  phase_ = Phase::head;
  head_.reset();
  body_.reset();
  unwanted_ = false;
  scanner_ = HeadScanner(limits_);
  skipped_line_ = false;
  if (input_.empty() && input_.capacity() > kKeptInput) {
    std::string().swap(input_);
  }
}

RequestReader::Need RequestReader::refuse(Refusal refusal) {
  refusal_ = refusal;
  return Need::refusal;
}

}  // namespace freshet::http
