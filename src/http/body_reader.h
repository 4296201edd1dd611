#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "http/memory_budget.h"
#include "http/message.h"

namespace freshet::http {

/// Decodes one request's body from bytes that arrive in pieces, and holds the memory it takes
/// against a budget, as the bytes arrive and not before. Used by one thread at a time; the budget
/// must outlive it.
class BodyReader {
 public:
  enum class State {
    reading,
    whole,
    too_large,  ///< longer than the limit
    malformed,  ///< chunks that are none
    no_memory,  ///< the budget is used up
  };

  /// `limit`: decoded bytes.
  BodyReader(MemoryBudget& budget, std::uint64_t limit) : budget_(budget), limit_(limit) {}
  ~BodyReader() { release(); }
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  void begin_length(std::uint64_t length);
  void begin_chunked();

  /// How many of `bytes` belong to the body.
  std::size_t feed(std::string_view bytes);

  /// From now on, for what was read already and for the chunk that was announced too.
  void set_limit(std::uint64_t limit);
  /// `client` (a network) is whose share of the budget it takes.
  void charge_to(std::string client);
  /// Sees what is here and then what comes, and says whether it is kept.
  void attach(std::shared_ptr<BodyTap> tap);
  /// The rest is read to its end, or to the limit, and not kept.
  void discard();

  State state() const { return state_; }
  std::uint64_t size() const { return size_; }  ///< decoded so far
  /// The decoded bytes. They stay held against the budget until release().
  std::string take() { return std::move(bytes_); }
  void release();

 private:
  enum class Part { data, size, extension, size_end, data_cr, data_lf, trailer, trailer_end };

  std::size_t feed_data(std::string_view bytes);
  void feed_line(char c);
  void feed_size(char c);
  void end_size();
  bool exceeds_limit(std::uint64_t more) const { return size_ > limit_ || more > limit_ - size_; }
  void pass_on(std::string_view bytes);
  void keep(std::string_view bytes);
  void grow(std::size_t needed);
  std::size_t room_for(std::size_t needed) const;
  void fail(State state);

  MemoryBudget& budget_;
  std::uint64_t limit_;
  State state_ = State::whole;
  bool chunked_ = false;
  bool discard_ = false;
  Part part_ = Part::data;
  std::uint64_t remaining_ = 0;  ///< of the body, or of the chunk
  std::uint64_t size_ = 0;
  int digits_ = 0;               ///< of the chunk's size
  std::size_t overhead_ = 0;     ///< bytes of extensions and trailers
  bool line_has_bytes_ = false;  ///< of the trailer
  std::shared_ptr<BodyTap> tap_;
  std::string client_;
  std::string bytes_;
  std::size_t held_ = 0;
};

}  // namespace freshet::http
