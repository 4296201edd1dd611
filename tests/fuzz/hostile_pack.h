#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/hmac.h"
#include "hostile_objects.h"

/// Packs as an upstream sends them, gitformat-pack(5), right or wrong as one likes.
namespace freshet::fuzz {

class PackWriter {
 public:
  void add(const RawObject& object) {
    constexpr std::string_view kTypes[] = {"commit", "tree", "blob", "tag"};
    const auto* type = std::find(std::begin(kTypes), std::end(kTypes), object.type);
    head(static_cast<unsigned>(type - std::begin(kTypes)) + 1, object.content.size());
    body_ += ObjectStore::deflated(object.content);
    ++count_;
  }

  /// `object` as what becomes of `base`: `copied` bytes of that from its beginning, and the rest.
  void add_delta(const ObjectId& base, std::size_t base_size, std::string_view content,
                 std::size_t copied) {
    std::string delta = size_field(base_size) + size_field(content.size());
    for (std::size_t at = 0; at < copied; at += 0xff) {
      delta += '\x91';  // one byte of where, one of how much
      delta += static_cast<char>(at);
      delta += static_cast<char>(std::min<std::size_t>(copied - at, 0xff));
    }
    for (std::string_view rest = content.substr(std::min(copied, content.size())); !rest.empty();) {
      const std::string_view piece = rest.substr(0, 127);
      delta += static_cast<char>(piece.size());
      delta += piece;
      rest.remove_prefix(piece.size());
    }
    constexpr unsigned kRefDelta = 7;
    head(kRefDelta, delta.size());
    body_ += from_hex(base.hex()).value() + ObjectStore::deflated(delta);
    ++count_;
  }

  std::size_t count() const { return count_; }

  /// With its checksum.
  std::string finish() const {
    std::string pack("PACK\0\0\0\2", 8);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      pack += static_cast<char>((count_ >> shift) & 0xffU);
    }
    return with_checksum(pack + body_);
  }

  static std::string with_checksum(std::string pack) {
    pack += sha1(pack);
    return pack;
  }

 private:
  static std::string size_field(std::size_t size) {
    std::string field;
    for (; size >= 0x80; size >>= 7U) {
      field += static_cast<char>((size & 0x7fU) | 0x80U);
    }
    return field + static_cast<char>(size);
  }

  void head(unsigned type, std::size_t size) {
    const auto first = static_cast<unsigned>((type << 4U) | (size & 0xfU));
    if (size < 16) {
      body_ += static_cast<char>(first);
    } else {
      body_ += static_cast<char>(first | 0x80U);
      body_ += size_field(size >> 4U);
    }
  }

  std::string body_;
  std::size_t count_ = 0;
};

/// An answer of version 2 that brings the pack.
inline std::string answer_with(std::string_view pack) {
  std::string answer = "000dpackfile\n";
  while (!pack.empty()) {
    const std::string_view piece = pack.substr(0, 65'000);
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t size = piece.size() + 5;
    for (const unsigned shift : {12U, 8U, 4U, 0U}) {
      answer += kDigits[(size >> shift) & 0xfU];
    }
    answer += '\1';
    answer += piece;
    pack.remove_prefix(piece.size());
  }
  return answer + "0000";
}

}  // namespace freshet::fuzz
