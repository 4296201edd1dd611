#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::remote {

/// git's framing of everything that is said over a connection: four hexadecimal digits with the
/// length of the whole packet, then its bytes. Lengths 0 to 2 are marks without bytes.

inline constexpr std::size_t kLargestPacket = 65520;  ///< bytes, with the four of the length

/// Appends a packet. Requires: at most kLargestPacket - 4 bytes.
void append_packet(std::string& out, std::string_view payload);
void append_flush(std::string& out);
void append_delimiter(std::string& out);

struct Packet {
  enum class Kind { data, flush, delimiter, response_end };
  Kind kind = Kind::data;
  std::string_view payload;  ///< until the next call of PacketDecoder::next

  /// The payload without the line end that most textual packets have.
  std::string_view line() const;
};

/// Cuts a stream that comes in any pieces into packets; holds at most one packet's bytes. A packet
/// that lies within one piece is not copied.
class PacketDecoder {
 public:
  /// Takes bytes off the front of `input` up to the end of the next packet. nullopt: all were taken
  /// and the packet goes on in the next piece. Error protocol: no length, or one that is not
  /// allowed; nothing more can be read then.
  Result<std::optional<Packet>> next(std::string_view& input);

  /// No packet has begun that did not end.
  bool at_boundary() const { return held_.empty() || released_; }

 private:
  std::string held_;       ///< the beginning of a packet whose rest is to come
  bool released_ = false;  ///< held_ is the packet that was given out last
};

}  // namespace freshet::remote
