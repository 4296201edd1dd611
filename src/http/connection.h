#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "http/request_reader.h"
#include "http/shared.h"
#include "http/stream.h"

namespace freshet::http {

/// One client. Belongs to one thread at a time: the event loop, or the worker it was handed to.
class Connection {
 public:
  enum class Stage {
    handshake,  ///< of TLS
    idle,       ///< no byte of a request yet
    receiving,  ///< head or body
    answering,  ///< the client has to take more of the answer
    streaming,  ///< the answer goes on until the client leaves
    lingering,  ///< answered; what still comes is thrown away
    closing,
  };

  Connection(std::uint64_t id, Accepted accepted, const Shared& shared);

  /// Queues the answer and sends what the client takes at once. The request is over then: the next
  /// one can be looked for, or the connection lingers or closes, or `stage` stays answering.
  void answer(const Response& response, bool may_keep_alive);
  void answer(const Refusal& refusal);
  /// Sends more of the answer.
  void flush();
  /// Sends more of an answer that goes on, asking for its next piece if there is nothing left.
  void continue_stream();
  /// Whether continue_stream() has something to do as soon as the client takes bytes.
  bool stream_presses() const { return sent_ < output_.size() || more_; }
  /// Reads and throws away. False: it is time to close.
  bool discard(char* buffer, std::size_t size);
  /// Goes on with the handshake; the stage says whether it is done.
  void shake_hands();
  /// Says "100 Continue" to a client that waits for it.
  void invite_body();
  /// The limits in force are those of the request that comes. Requires that its head is not here.
  void take_limits();

  /// Nothing is to be done before the client sends something.
  bool at_rest() const {
    return stage == Stage::idle && !reader.has_more_input() && !stream->holds_bytes();
  }

  const std::uint64_t id;
  const Peer peer;
  const std::unique_ptr<Stream> stream;
  /// Until then nothing is held against it that it has sent nothing; the past once it was answered.
  Instant newcomer_until;
  std::shared_ptr<const Limits> limits;  ///< of this request
  RequestReader reader;
  Visit visit;  ///< of this request, with the rate limiter
  Stage stage;
  Instant deadline;
  /// When the application is to decide without the rest of a small body.
  std::optional<Instant> patience;
  bool handshake_writes =
      false;             ///< it goes on when the client takes bytes, not when it sends some
  bool in_body = false;  ///< the deadline is the body's
  bool working = false;  ///< with a worker; written and read by the event loop only

 private:
  void finish_answer();

  const Shared& shared_;
  std::string output_;
  std::size_t sent_ = 0;
  bool keep_alive_ = false;
  std::shared_ptr<AnswerStream> source_;  ///< of an answer that goes on
  bool more_ = false;                     ///< it has more at once
  std::size_t discarded_ = 0;
};

}  // namespace freshet::http
