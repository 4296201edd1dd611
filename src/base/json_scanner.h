#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace freshet {

/// Steps through the text of a JSON document (RFC 8259), value by value. Every member function that
/// returns bool says whether the text was right so far; after a false nothing more can be asked.
/// Looks at each byte a fixed number of times, allocates nothing, and does not recurse.
class JsonScanner {
 public:
  /// A byte order mark at the beginning is passed over.
  JsonScanner(std::string_view text, int max_depth);

  /// The next byte that is no white space; NUL at the end, which no document holds.
  char peek();
  /// Takes `c` if it comes next.
  bool take(char c);
  bool at_end() { return peek() == '\0' && at_ == end_; }

  /// A text with its quotes. `raw` is what stands between them; decode() turns it into the text.
  bool text(std::string_view& raw, bool& escaped);
  /// A number or one of true, false, null.
  bool scalar(Json& value);
  /// Any value with all that is in it.
  bool skip();

  /// To be called around containers that the caller goes through itself.
  bool enter() { return ++depth_ <= max_depth_; }
  void leave() { --depth_; }

  static std::string decode(std::string_view raw);

 private:
  bool escape();
  bool utf8_sequence();
  bool digits();
  bool literal(std::string_view word);
  bool number(std::string_view& text, bool& whole);
  bool skip_scalar();
  bool skip_name();

  const char* at_;
  const char* end_;
  int max_depth_;
  int depth_ = 0;
};

}  // namespace freshet
