#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

/// One character of a text that may be no UTF-8 at all.
struct Utf8Character {
  std::uint32_t code = 0;  ///< the byte itself where it is not valid
  std::size_t size = 1;    ///< bytes
  bool valid = true;       ///< false: one byte that is no UTF-8
};

/// Of a text that is not empty. Pure.
Utf8Character first_character(std::string_view text);

/// Columns that a terminal gives to the text: two to wide characters, none to combining ones. For
/// texts without control characters (visible.h). Pure, whatever the locale of the process.
std::size_t display_width(std::string_view text);

/// As much of it as fits `width` columns, whole characters; what is cut ends with "…".
std::string cut_to_width(std::string_view text, std::size_t width);

}  // namespace freshet
