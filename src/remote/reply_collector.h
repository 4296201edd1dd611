#pragma once

#include <string_view>

#include "remote/http_client.h"

namespace freshet::remote {

/// Builds a reply from the lines and pieces of an answer, within bounds, or hands the body to the
/// request's sink. Of one thread.
class ReplyCollector {
 public:
  enum class State {
    collecting,
    sink_waits,      ///< the sink took all it got and wants no more for now
    head_too_large,  // From here on the transfer is to end.
    body_too_large,  ///< of a 2xx answer
    stopped_by_sink,
    enough,  ///< of another answer: it is complete as far as anybody needs it
  };

  /// The sink may be null.
  ReplyCollector(std::uint64_t largest_answer, BodySink* sink)
      : largest_answer_(largest_answer), sink_(sink) {}

  /// A line of the head as it came. Interim answers (100 to 199) are forgotten, trailers too.
  void add_line(std::string_view line);
  /// Not while the sink waits.
  void add_body(std::string_view bytes);
  /// The sink's descriptor can be written to. Requires sink_waits.
  void serve_sink();
  void restart();  ///< for the answer behind a redirect

  State state() const { return state_; }
  bool must_end() const { return state_ > State::sink_waits; }
  bool untouched() const { return head_size_ == 0; }  ///< nothing of an answer has come
  bool successful() const { return reply_.status / 100 == 2; }
  /// Also when the body did not come to its end: an answer that is not 2xx says all with its head.
  bool speaks_for_itself() const { return head_complete_ && !successful(); }
  std::string_view header(std::string_view lower_case_name) const;
  HttpReply& reply() { return reply_; }

 private:
  void end_head();
  void add_status_line(std::string_view line);
  void ask_sink(std::string_view bytes);

  const std::uint64_t largest_answer_;
  BodySink* const sink_;
  State state_ = State::collecting;
  HttpReply reply_;
  std::size_t head_size_ = 0;
  std::uint64_t body_size_ = 0;
  bool head_complete_ = false;
  bool to_sink_ = false;
};

}  // namespace freshet::remote
