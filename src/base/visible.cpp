#include "base/visible.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "base/utf8.h"

namespace freshet {
namespace {

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
    const Utf8Character character = first_character(text);
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
  return replace_harmful(text, [](const Utf8Character& character) {
    const bool byte = !character.valid || character.code < 0x80;
    return byte ? fmt::format("\\x{:02x}", character.code)
                : fmt::format("U+{:04X}", character.code);
  });
}

std::string visible_json(std::string_view json) {
  return replace_harmful(json, [](const Utf8Character& character) {
    return fmt::format("\\u{:04x}", character.code);
  });
}

}  // namespace freshet
