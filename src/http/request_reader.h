#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/body_reader.h"
#include "http/request_head.h"

namespace freshet::http {

/// Takes the bytes of one connection and says what each request needs next. Knows nothing of
/// sockets, threads or time. Requests that come before the one in front is answered stay where they
/// are until next(). Used by one thread at a time.
class RequestReader {
 public:
  enum class Need {
    bytes,
    application,  ///< to decide by the head, or (once decided) to answer the whole request
    refusal,      ///< not HTTP, or over a limit: answer refusal() and close
  };

  /// A body up to this size is taken along before the application decides, where it comes at once:
  /// the answer then leaves nothing unread behind.
  static constexpr std::size_t kSmallBody = std::size_t{64} * 1024;

  /// `max_body`: decoded bytes of a body, whatever a route allows. The budget must outlive this.
  RequestReader(HeadLimits limits, std::uint64_t max_body, MemoryBudget& budget);
  /// Of the next request. Requires that its head is not here yet.
  void set_max_body(std::uint64_t max_body) { max_body_ = max_body; }

  Need add(std::string_view bytes);
  /// Goes on with what is here already.
  Need advance();

  /// The application wants the body, up to `limit` bytes. `keep` false: only its length matters;
  /// else request().tap, if there is one, sees it and says whether it is kept.
  Need take_body(std::uint64_t limit, bool keep);
  /// The network whose share of the budget the body takes; before take_body().
  void charge_to(std::string client) { body_->charge_to(std::move(client)); }
  /// The request has its answer: the memory of its body is free again.
  void release_body();
  /// Drops the request that was answered; what came behind it is next. Requires whole().
  void next();

  /// How many bytes to read at most, so that little of a later request has to be kept.
  std::size_t appetite() const;
  bool started() const { return phase_ != Phase::head || !input_.empty(); }
  bool head_complete() const { return phase_ != Phase::head; }
  bool decided() const { return phase_ == Phase::body; }
  /// The request was read to its end, so that what follows is another one.
  bool whole() const { return head_complete() && body().state() == BodyReader::State::whole; }
  bool has_more_input() const { return !input_.empty(); }

  /// Requires head_complete(), as request() and body() do. The body is not in it.
  const Head& head() const { return *head_; }
  Request& request() { return head_->request; }
  /// With its body. Requires decided() and whole().
  const Request& complete_request();
  bool body_unwanted() const { return unwanted_; }
  const BodyReader& body() const { return *body_; }
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class Phase { head, undecided, body };

  // These take from the front of `input` what they use.
  Need use(std::string_view& input);
  Need read_head(std::string_view& input);
  Need feed_body(std::string_view& input);
  void begin_body();
  Need refuse(Refusal refusal);

  const HeadLimits limits_;
  std::uint64_t max_body_;
  MemoryBudget& budget_;

  Phase phase_ = Phase::head;
  std::string input_;
  bool skipped_line_ = false;
  HeadScanner scanner_;
  std::optional<Head> head_;
  std::optional<BodyReader> body_;
  bool unwanted_ = false;
  Refusal refusal_;
};

}  // namespace freshet::http
