#pragma once

#include <string>
#include <string_view>

namespace freshet {

/// A foreign text as a terminal may get it. Control characters, the marks that turn the direction
/// of writing, and bytes that are not UTF-8 are shown by their number ("\x1b", "U+202E"), so that
/// nothing in a ref name or a header can move the cursor, colour or reorder what stands around it.
/// Line ends are control characters too. Pure.
std::string visible(std::string_view text);

/// The same for JSON text: escaped ("\u202e") inside its strings, the only place where they can be.
/// For valid UTF-8.
std::string visible_json(std::string_view json);

}  // namespace freshet
