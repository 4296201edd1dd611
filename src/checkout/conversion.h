#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace freshet::checkout {

/// How a file's bytes become those of the working tree, as its attributes ask for it. Does what git
/// does without any configuration, byte for byte; libgit2's own conversion takes "$Idx$" for a
/// keyword and expands only the first one of a file.
struct Conversion {
  enum class LineEnd {
    as_it_is,
    crlf,       ///< every line
    auto_crlf,  ///< unless the file holds carriage returns, or looks binary
  };
  LineEnd line_end = LineEnd::as_it_is;
  bool ident = false;  ///< "$Id$" becomes "$Id: ID $"

  bool changes_nothing() const { return line_end == LineEnd::as_it_is && !ident; }
  bool operator==(const Conversion&) const = default;
};

/// What gitattributes(5) calls the state of an attribute.
struct Attribute {
  enum class State { unspecified, set, unset, value };
  State state = State::unspecified;
  std::string_view value = {};  ///< for State::value

  bool is(std::string_view text) const { return state == State::value && value == text; }
};

/// What the attributes ask for; `crlf` is the old name of `text`. Pure.
Conversion conversion_for(const Attribute& text, const Attribute& crlf, const Attribute& eol,
                          const Attribute& ident);

/// The bytes for the working tree; nullopt: `content` stays as it is. `id` is the object's. Pure.
std::optional<std::string> to_working_tree(std::string_view content, const Conversion& conversion,
                                           const ObjectId& id);

}  // namespace freshet::checkout
