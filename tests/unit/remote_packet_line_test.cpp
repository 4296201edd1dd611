#include "remote/packet_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace freshet::remote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string describe(const Packet& packet) {
  switch (packet.kind) {
    case Packet::Kind::flush:
      return "flush";
    case Packet::Kind::delimiter:
      return "delimiter";
    case Packet::Kind::response_end:
      return "response-end";
    case Packet::Kind::data:
      break;
  }
  return "\"" + std::string(packet.payload) + "\"";
}

/// All packets of a stream that comes in pieces of `piece` bytes; the last entry is an error.
std::vector<std::string> decode(std::string_view stream, std::size_t piece) {
  std::vector<std::string> found;
  PacketDecoder decoder;
  while (!stream.empty()) {
    std::string_view input = stream.substr(0, piece);
    stream.remove_prefix(input.size());
    for (;;) {
      const auto next = decoder.next(input);
      if (!next) {
        found.push_back(std::string(to_string(next.error().error_class)));
        return found;
      }
      if (!*next) {
        break;
      }
      found.push_back(describe(**next));
    }
  }
  if (!decoder.at_boundary()) {
    found.emplace_back("unfinished");
  }
  return found;
}

TEST(PacketLine, WritesLengthAndBytes) {
  std::string out;
  append_packet(out, "command=ls-refs\n");
  append_delimiter(out);
  append_packet(out, "");
  append_packet(out, std::string(kLargestPacket - 4, 'x'));
  append_flush(out);
  EXPECT_EQ(out.substr(0, 36),
            "0014command=ls-refs\n"
            "0001"
            "0004"
            "fff0"
            "xxxx");
  EXPECT_EQ(out.substr(out.size() - 5), "x0000");
}

TEST(PacketLine, ReadsTheSameWhateverThePieces) {
  const std::string stream =
      "0008abcd"
      "0000"
      "0001"
      "0002"
      "0004"
      "0006\r\n"
      "000Axyz\n01"
      "0000";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_THAT(decode(stream, piece), ElementsAre("\"abcd\"", "flush", "delimiter", "response-end",
                                                   "\"\"", "\"\r\n\"", "\"xyz\n01\"", "flush"))
        << "in pieces of " << piece;
  }
}

TEST(PacketLine, ReadsWhatItWroteUpToTheLargestPacket) {
  std::string stream;
  const std::string large(kLargestPacket - 4, 'x');
  append_packet(stream, large);
  append_packet(stream, "y");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{16384}, stream.size()}) {
    EXPECT_THAT(decode(stream, piece), ElementsAre("\"" + large + "\"", "\"y\""));
  }
}

TEST(PacketLine, RefusesEveryLengthThatIsNone) {
  for (const char* stream :
       {"0003", "fff1", "ffffx", "<!DO", "  14", "-001", "0x10", "00g4", "+004", "\0\0\0\0\0"}) {
    const std::string bytes = std::string(stream, std::max<std::size_t>(4, std::strlen(stream)));
    EXPECT_THAT(decode(bytes, 1), ElementsAre("protocol")) << bytes;
    EXPECT_THAT(decode(bytes, bytes.size()), ElementsAre("protocol")) << bytes;
  }
}

TEST(PacketLine, SaysWhatStoodInPlaceOfALengthWithoutControlCharacters) {
  PacketDecoder decoder;
  std::string_view input = "\x1b[2J";
  const auto next = decoder.next(input);
  ASSERT_FALSE(next);
  EXPECT_THAT(next.error().message, HasSubstr("\"?[2J\""));
}

TEST(PacketLine, KnowsWhetherAPacketIsUnfinished) {
  EXPECT_THAT(decode("00", 2), ElementsAre("unfinished"));
  EXPECT_THAT(decode("0008abc", 3), ElementsAre("unfinished"));
  EXPECT_THAT(decode("0000"
                     "0",
                     5),
              ElementsAre("flush", "unfinished"));
}

TEST(PacketLine, TakesOneLineEndOffTextOnly) {
  EXPECT_EQ((Packet{Packet::Kind::data, "a\n\n"}).line(), "a\n");
  EXPECT_EQ((Packet{Packet::Kind::data, "a"}).line(), "a");
  EXPECT_EQ((Packet{Packet::Kind::data, ""}).line(), "");
}

}  // namespace
}  // namespace freshet::remote
