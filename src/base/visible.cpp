#include "base/visible.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

namespace freshet {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 1;
  bool valid = true;  ///< false: one byte that is no UTF-8
};

bool continues(std::string_view text, std::size_t size) {
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      return false;
    }
  }
  return true;
}

/// Of a text that is not empty.
Character first_of(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x80) {
    return {byte, 1, true};
  }
  const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
  if (byte < 0xc2 || byte > 0xf4 || !continues(text, size)) {
    return {byte, 1, false};
  }
  std::uint32_t code = byte & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  const bool valid = code >= kLeast[size] && code <= 0x10ffff && !surrogate;
  return valid ? Character{code, size, true} : Character{byte, 1, false};
}

bool is_harmless(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                     code == 0x200e || code == 0x200f || code == 0x061c;
  const bool ends_line = code == 0x2028 || code == 0x2029;
  return !control && !turns && !ends_line;
}

/// `shown` writes what is not harmless.
template <class Shown>
std::string replace_harmful(std::string_view text, Shown shown) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_of(text);
    if (character.valid && is_harmless(character.code)) {
      result += text.substr(0, character.size);
    } else {
      result += shown(character);
    }
    text.remove_prefix(character.size);
  }
  return result;
}

}  // namespace

std::string visible(std::string_view text) {
  return replace_harmful(text, [](const Character& character) {
    const bool byte = !character.valid || character.code < 0x80;
    return byte ? fmt::format("\\x{:02x}", character.code)
                : fmt::format("U+{:04X}", character.code);
  });
}

std::string visible_json(std::string_view json) {
  return replace_harmful(
      json, [](const Character& character) { return fmt::format("\\u{:04x}", character.code); });
}

}  // namespace freshet
