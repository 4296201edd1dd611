#include "http/connection.h"

#include <utility>

#include "http/answer.h"
#include "http/tls_stream.h"

namespace freshet::http {

namespace {

std::unique_ptr<Stream> stream_over(UniqueFd socket, const Shared& shared) {
  return shared.certificates ? tls_stream(std::move(socket), shared.certificates->current(now()))
                             : plain_stream(std::move(socket));
}

}  // namespace

Connection::Connection(std::uint64_t number, Accepted accepted, const Shared& shared)
    : id(number),
      peer(std::move(accepted.peer)),
      stream(stream_over(std::move(accepted.socket), shared)),
      newcomer_until(now() + shared.options.newcomer_time),
      limits(shared.limits()),
      reader(shared.options.head, limits->max_body, *shared.options.bodies),
      stage(shared.certificates ? Stage::handshake : Stage::idle),
      deadline(now() + shared.options.head_timeout),
      shared_(shared) {}

void Connection::answer(const Response& response, bool may_keep_alive) {
  const bool known = reader.head_complete();
  const bool head_only = known && reader.head().head_only;
  const bool goes_on = response.stream && !head_only;
  keep_alive_ = may_keep_alive && !goes_on && reader.whole() && reader.head().keep_alive &&
                !shared_.stopping.load(std::memory_order_relaxed);
  output_ = serialize(response, {.head_only = head_only, .keep_alive = keep_alive_});
  reader.release_body();  // the client may take its time
  visit.end();
  patience.reset();
  newcomer_until = Instant::min();
  sent_ = 0;
  source_ = goes_on ? response.stream : nullptr;
  more_ = goes_on;
  stage = goes_on ? Stage::streaming : Stage::answering;
  deadline = now() + (goes_on ? shared_.options.stream_timeout : shared_.options.answer_timeout);
  flush();
}

void Connection::answer(const Refusal& refusal) {
  shared_.refusals.count(refusal.status);
  Response response = error_response(refusal.status, refusal.code, refusal.message);
  if (refusal.status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  answer(response, false);
}

void Connection::flush() {
  while (sent_ < output_.size()) {
    const Stream::Moved moved = stream->write(std::string_view(output_).substr(sent_));
    sent_ += moved.bytes;
    if (moved.state == Stream::State::ended) {
      stage = Stage::closing;
      return;
    }
    if (moved.state != Stream::State::moved) {
      return;
    }
    if (source_) {
      deadline = now() + shared_.options.stream_timeout;
    }
  }
  if (!source_) {
    finish_answer();
    return;
  }
  std::string().swap(output_);
  sent_ = 0;
  if (!more_) {
    deadline = Instant::max();  // nothing is kept waiting by the client
  }
}

void Connection::continue_stream() {
  if (sent_ == output_.size()) {
    auto piece = source_->next();
    if (!piece) {
      source_.reset();
      finish_answer();
      return;
    }
    more_ = piece->more;
    output_ = std::move(piece->bytes);
    sent_ = 0;
    deadline = now() + shared_.options.stream_timeout;
  }
  flush();
}

void Connection::finish_answer() {
  std::string().swap(output_);
  if (keep_alive_) {
    reader.next();
    take_limits();
    stage = Stage::idle;
    in_body = false;
    deadline = now() + shared_.options.idle_timeout;
    return;
  }
  stream->end_writing();
  // Bytes left unread make the kernel reset the connection, and the client may then never see the
  // answer.
  const bool clean = reader.whole() && !reader.has_more_input();
  stage = clean ? Stage::closing : Stage::lingering;
  deadline = now() + shared_.options.linger_timeout;
}

bool Connection::discard(char* buffer, std::size_t size) {
  const Stream::Moved moved = stream->read(buffer, size);
  discarded_ += moved.bytes;
  return moved.state != Stream::State::ended && discarded_ < shared_.options.linger_bytes;
}

void Connection::shake_hands() {
  switch (stream->handshake()) {
    case Stream::State::moved:
      stage = Stage::idle;
      return;
    case Stream::State::wait_readable:
      handshake_writes = false;
      return;
    case Stream::State::wait_writable:
      handshake_writes = true;
      return;
    case Stream::State::ended:
      stage = Stage::closing;
      return;
  }
}

void Connection::take_limits() {
  limits = shared_.limits();
  reader.set_max_body(limits->max_body);
}

void Connection::invite_body() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (stream->write(kContinue).bytes != kContinue.size()) {
    stage = Stage::closing;
  }
}

}  // namespace freshet::http
