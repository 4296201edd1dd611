#include "http/body_reader.h"

#include <algorithm>
#include <utility>

namespace freshet::http {
namespace {

/// Extensions and trailers mean nothing here; more of them than this is an attack.
constexpr std::size_t kMaxOverhead = std::size_t{16} * 1024;
/// A chunk of up to 64 GiB can be written; the limit ends it sooner.
constexpr int kMaxSizeDigits = 9;
constexpr std::size_t kFirstGrowth = 4096;
/// How far ahead of its bytes a body holds memory.
constexpr std::size_t kAhead = std::size_t{64} * 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void BodyReader::begin_length(std::uint64_t length) {
  remaining_ = length;
  part_ = Part::data;
  state_ = length == 0 ? State::whole : State::reading;
}

void BodyReader::begin_chunked() {
  chunked_ = true;
  part_ = Part::size;
  state_ = State::reading;
}

std::size_t BodyReader::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::reading && used < bytes.size()) {
    if (part_ == Part::data) {
      used += feed_data(bytes.substr(used));
    } else {
      feed_line(bytes[used++]);
    }
  }
  return used;
}

std::size_t BodyReader::feed_data(std::string_view bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  if (exceeds_limit(count)) {
    fail(State::too_large);
    return 0;
  }
  pass_on(bytes.substr(0, count));
  size_ += count;
  remaining_ -= count;
  if (remaining_ == 0 && state_ == State::reading) {
    part_ = Part::data_cr;
    if (!chunked_) {
      state_ = State::whole;
    }
  }
  return count;
}

void BodyReader::feed_line(char c) {
  switch (part_) {
    case Part::size:
      feed_size(c);
      return;
    case Part::extension:
      if (c == '\r') {
        part_ = Part::size_end;
      } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') ||
                 ++overhead_ > kMaxOverhead) {
        fail(State::malformed);
      }
      return;
    case Part::size_end:
      c == '\n' ? end_size() : fail(State::malformed);
      return;
    case Part::data_cr:
      part_ = Part::data_lf;
      if (c != '\r') {
        fail(State::malformed);
      }
      return;
    case Part::data_lf:
      part_ = Part::size;
      digits_ = 0;
      remaining_ = 0;
      if (c != '\n') {
        fail(State::malformed);
      }
      return;
    case Part::trailer:
      if (c == '\r') {
        part_ = Part::trailer_end;
      } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') ||
                 ++overhead_ > kMaxOverhead) {
        fail(State::malformed);
      } else {
        line_has_bytes_ = true;
      }
      return;
    case Part::trailer_end:
      if (c != '\n') {
        fail(State::malformed);
      } else if (!line_has_bytes_) {
        state_ = State::whole;
      }
      line_has_bytes_ = false;
      part_ = Part::trailer;
      return;
    case Part::data:
      return;
  }
}

void BodyReader::feed_size(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0 && digits_ < kMaxSizeDigits) {
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    ++digits_;
  } else if (digits_ > 0 && c == '\r') {
    part_ = Part::size_end;
  } else if (digits_ > 0 && c == ';') {
    part_ = Part::extension;
  } else {
    fail(State::malformed);
  }
}

void BodyReader::end_size() {
  if (remaining_ == 0) {
    part_ = Part::trailer;
  } else if (exceeds_limit(remaining_)) {
    fail(State::too_large);
  } else {
    part_ = Part::data;
  }
}

void BodyReader::pass_on(std::string_view bytes) {
  if (bytes.empty()) {
    return;
  }
  if (tap_) {
    tap_->update(bytes);
    if (!discard_ && !tap_->keep()) {
      discard();
    }
  }
  if (!discard_) {
    keep(bytes);
  }
}

void BodyReader::keep(std::string_view bytes) {
  const std::size_t needed = bytes_.size() + bytes.size();
  if (needed > held_ || needed > bytes_.capacity()) {
    grow(needed);
  }
  if (state_ == State::reading) {
    bytes_.append(bytes);
  }
}

void BodyReader::grow(std::size_t needed) {
  const bool moves = needed > bytes_.capacity();
  const std::size_t room = moves ? room_for(needed) : bytes_.capacity();
  // Pages that no byte was written to are not there yet.
  const std::size_t held = std::min(room, needed + kAhead);
  // While the bytes move both copies are there.
  const std::size_t at_most = std::max(held, moves ? 2 * bytes_.size() : 0);
  if (!budget_.take(at_most, held_, client_)) {
    fail(State::no_memory);
    return;
  }
  if (moves) {
    std::string bigger;
    bigger.reserve(room);
    bigger.append(bytes_);
    bytes_.swap(bigger);
  }
  budget_.take(held, at_most, client_);
  held_ = held;
}

/// Addresses for all that can come, once a quarter of it is here: bytes then move when they are few
/// enough that two copies of them take no more memory than the whole body will.
std::size_t BodyReader::room_for(std::size_t needed) const {
  const std::size_t most = chunked_ ? limit_ : bytes_.size() + remaining_;
  const std::size_t next = std::max({needed, 2 * bytes_.capacity(), kFirstGrowth});
  return needed >= most / 4 ? most : std::min(next, most);
}

void BodyReader::set_limit(std::uint64_t limit) {
  limit_ = limit;
  if (exceeds_limit(part_ == Part::data && state_ == State::reading ? remaining_ : 0)) {
    fail(State::too_large);
  }
}

void BodyReader::charge_to(std::string client) {
  const std::string before = std::exchange(client_, std::move(client));
  if (held_ <= MemoryBudget::kSmall) {
    return;
  }
  budget_.give(held_, before);
  if (!budget_.take(held_, 0, client_)) {
    held_ = 0;
    fail(State::no_memory);
  }
}

void BodyReader::attach(std::shared_ptr<BodyTap> tap) {
  tap_ = std::move(tap);
  if (!bytes_.empty()) {
    tap_->update(bytes_);
  }
  if (!tap_->keep()) {
    discard();
  }
}

void BodyReader::discard() {
  discard_ = true;
  release();
}

void BodyReader::release() {
  std::string().swap(bytes_);
  budget_.give(held_, client_);
  held_ = 0;
}

void BodyReader::fail(State state) {
  state_ = state;
  release();
}

}  // namespace freshet::http
