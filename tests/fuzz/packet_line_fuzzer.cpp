// Packet lines against a reader that knows all bytes at once. The first byte of the input says in
// which pieces they come; the second, whether the rest is a text that is framed (packets.h).
//
// - In whichever pieces the bytes come, the same packets are read and the same bytes refused.
// - What is read, written down again, is what came.

#include <cctype>
#include <optional>
#include <vector>

#include "packets.h"

namespace freshet::fuzz {
namespace {

using remote::Packet;

struct Reading {
  struct Item {
    Packet::Kind kind = Packet::Kind::data;
    std::string payload;
    bool operator==(const Item&) const = default;
  };
  std::vector<Item> packets;
  bool refused = false;
  bool at_boundary = true;  ///< of one that was not refused
  bool operator==(const Reading&) const = default;
};

Reading decode(std::string_view bytes, std::size_t piece_size) {
  Reading reading;
  remote::PacketDecoder decoder;
  in_pieces(bytes, piece_size, [&](std::string_view piece) {
    for (;;) {
      const auto packet = decoder.next(piece);
      if (!packet) {
        check_upstream_error(packet.error());
        reading.refused = true;
        return false;
      }
      if (!*packet) {
        require(piece.empty(), "what makes no packet is kept");
        return true;
      }
      reading.packets.push_back({(*packet)->kind, std::string((*packet)->payload)});
    }
  });
  reading.at_boundary = reading.refused || decoder.at_boundary();
  return reading;
}

/// The same by the words of gitprotocol-common(5).
Reading expected(std::string_view bytes) {
  Reading reading;
  while (!bytes.empty()) {
    // A wrong digit is told when all four are there.
    if (bytes.size() < 4) {
      reading.at_boundary = false;
      return reading;
    }
    const std::string digits(bytes.substr(0, 4));
    const bool number = std::all_of(digits.begin(), digits.end(),
                                    [](unsigned char c) { return std::isxdigit(c) != 0; });
    const std::size_t length = number ? std::stoul(digits, nullptr, 16) : 3;
    if (length == 3 || length > remote::kLargestPacket) {
      reading.refused = true;
      return reading;
    }
    if (length < 3) {
      constexpr Packet::Kind kMarks[] = {Packet::Kind::flush, Packet::Kind::delimiter,
                                         Packet::Kind::response_end};
      reading.packets.push_back({kMarks[length], ""});
      bytes.remove_prefix(4);
    } else if (bytes.size() < length) {
      reading.at_boundary = false;
      return reading;
    } else {
      reading.packets.push_back({Packet::Kind::data, std::string(bytes.substr(4, length - 4))});
      bytes.remove_prefix(length);
    }
  }
  return reading;
}

std::string written_down(const Reading& reading) {
  std::string bytes;
  for (const auto& [kind, payload] : reading.packets) {
    switch (kind) {
      case Packet::Kind::data:
        remote::append_packet(bytes, payload);
        break;
      case Packet::Kind::flush:
        remote::append_flush(bytes);
        break;
      case Packet::Kind::delimiter:
        remote::append_delimiter(bytes);
        break;
      case Packet::Kind::response_end:
        bytes += "0002";
        break;
    }
  }
  return bytes;
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::size_t piece = 1 + input.choice(96);
  const bool is_text = input.choice(2) == 0;
  const std::string bytes = is_text ? framed(input.rest()) : std::string(input.rest());

  const Reading reading = expected(bytes);
  require(decode(bytes, 0) == reading, "whole bytes are read as git frames them");
  require(decode(bytes, piece) == reading, "in pieces they are the same packets");

  Reading again = reading;
  again.refused = false;
  again.at_boundary = true;
  require(decode(written_down(reading), piece) == again, "written down they are the same packets");
  return 0;
}
