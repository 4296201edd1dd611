#include "remote/packet_line.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "remote/printable.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kLengthDigits = 4;

/// -1: no hexadecimal digit.
int digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Result<std::size_t> parse_length(std::string_view head) {
  std::size_t length = 0;
  for (const char c : head) {
    const int value = digit(c);
    if (value < 0) {
      return fail(ErrorClass::protocol, "the upstream does not speak git's protocol: it says \"" +
                                            printable(head) + "\" in place of a length");
    }
    length = length * 16 + static_cast<std::size_t>(value);
  }
  if (length == 3 || length > kLargestPacket) {
    return fail(ErrorClass::protocol,
                "the upstream sent a packet with the impossible length " + std::to_string(length));
  }
  return length;
}

Packet make_packet(std::string_view whole, std::size_t length) {
  switch (length) {
    case 0:
      return {Packet::Kind::flush, {}};
    case 1:
      return {Packet::Kind::delimiter, {}};
    case 2:
      return {Packet::Kind::response_end, {}};
    default:
      return {Packet::Kind::data, whole.substr(kLengthDigits, length - kLengthDigits)};
  }
}

/// Moves bytes from the front of `input` until `held` has `size` of them. False: they did not
/// reach.
bool fill(std::string& held, std::string_view& input, std::size_t size) {
  const std::size_t count = std::min(size - std::min(size, held.size()), input.size());
  held.append(input.substr(0, count));
  input.remove_prefix(count);
  return held.size() >= size;
}

}  // namespace

void append_packet(std::string& out, std::string_view payload) {
  assert(payload.size() + kLengthDigits <= kLargestPacket);
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::size_t length = payload.size() + kLengthDigits;
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += kDigits[(length >> shift) & 15U];
  }
  out += payload;
}

void append_flush(std::string& out) {
  out += "0000";
}

void append_delimiter(std::string& out) {
  out += "0001";
}

std::string_view Packet::line() const {
  return payload.ends_with('\n') ? payload.substr(0, payload.size() - 1) : payload;
}

Result<std::optional<Packet>> PacketDecoder::next(std::string_view& input) {
  if (released_) {
    held_.clear();
    released_ = false;
  }
  if (held_.empty() && input.size() >= kLengthDigits) {
    FRESHET_TRY(const std::size_t length, parse_length(input.substr(0, kLengthDigits)));
    const std::size_t whole = std::max(length, kLengthDigits);
    if (input.size() >= whole) {
      const Packet packet = make_packet(input, length);
      input.remove_prefix(whole);
      return packet;
    }
  }
  if (!fill(held_, input, kLengthDigits)) {
    return std::nullopt;
  }
  FRESHET_TRY(const std::size_t length,
              parse_length(std::string_view(held_).substr(0, kLengthDigits)));
  if (!fill(held_, input, std::max(length, kLengthDigits))) {
    return std::nullopt;
  }
  released_ = true;
  return make_packet(held_, length);
}

}  // namespace freshet::remote
