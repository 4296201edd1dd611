#include "base/utf8.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>

namespace freshet {
namespace {

bool continues(std::string_view text, std::size_t size) {
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      return false;
    }
  }
  return true;
}

/// The process keeps the plain "C" locale; only this table is asked for in another one.
std::size_t width_of(const Utf8Character& character) {
  static const locale_t kUnicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (character.code < 0x80 || !character.valid || kUnicode == nullptr) {
    return 1;
  }
  const locale_t before = ::uselocale(kUnicode);
  const int width = ::wcwidth(static_cast<wchar_t>(character.code));
  ::uselocale(before);
  return static_cast<std::size_t>(width < 0 ? 1 : width);
}

}  // namespace

Utf8Character first_character(std::string_view text) {
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
  return valid ? Utf8Character{code, size, true} : Utf8Character{byte, 1, false};
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    width += width_of(character);
    text.remove_prefix(character.size);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) {
    return std::string(text);
  }
  std::size_t bytes = 0;
  std::size_t columns = 0;
  while (bytes < text.size()) {
    const Utf8Character character = first_character(text.substr(bytes));
    columns += width_of(character);
    if (columns + 1 > width) {
      break;
    }
    bytes += character.size;
  }
  return std::string(text.substr(0, bytes)) + (width > 0 ? "…" : "");
}

}  // namespace freshet
