#include "checkout/conversion.h"

#include <algorithm>

namespace freshet::checkout {
namespace {

using LineEnd = Conversion::LineEnd;

enum class Kind { unspecified, text, binary, automatic };

Kind kind_of(const Attribute& attribute) {
  if (attribute.state == Attribute::State::set || attribute.is("input")) {
    return Kind::text;
  }
  if (attribute.state == Attribute::State::unset) {
    return Kind::binary;
  }
  return attribute.is("auto") ? Kind::automatic : Kind::unspecified;
}

/// What git looks at to tell text from binary.
struct Statistics {
  std::size_t lone_cr = 0;
  std::size_t lone_lf = 0;
  std::size_t crlf = 0;
  std::size_t nul = 0;
  std::size_t printable = 0;
  std::size_t unprintable = 0;

  bool is_binary() const { return lone_cr > 0 || nul > 0 || printable / 128 < unprintable; }
};

bool is_printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= ' ' && byte != 0x7f) || c == '\b' || c == '\t' || c == '\x1b' || c == '\f';
}

Statistics look_at(std::string_view content) {
  Statistics statistics;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    if (c == '\r' && i + 1 < content.size() && content[i + 1] == '\n') {
      ++statistics.crlf;
      ++i;
    } else if (c == '\r') {
      ++statistics.lone_cr;
    } else if (c == '\n') {
      ++statistics.lone_lf;
    } else {
      ++(is_printable(c) ? statistics.printable : statistics.unprintable);
      statistics.nul += c == '\0' ? 1 : 0;
    }
  }
  if (content.ends_with('\x1a')) {  // the end mark of old systems' text files
    --statistics.unprintable;
  }
  return statistics;
}

bool wants_crlf(std::string_view content, LineEnd line_end) {
  if (line_end == LineEnd::as_it_is) {
    return false;
  }
  const Statistics statistics = look_at(content);
  const bool may_touch =
      line_end == LineEnd::crlf || (statistics.crlf == 0 && !statistics.is_binary());
  return statistics.lone_lf > 0 && may_touch;
}

std::string with_crlf(std::string_view content) {
  std::string result;
  result.reserve(content.size() + content.size() / 16);
  char before = '\0';
  for (const char c : content) {
    if (c == '\n' && before != '\r') {
      result += '\r';
    }
    result += c;
    before = c;
  }
  return result;
}

/// How much of `text`, which follows a "$", is a keyword to expand: "Id$", or "Id:...$" on one line
/// and not of another version control system. 0: none.
std::size_t keyword_size(std::string_view text) {
  if (text.starts_with("Id$")) {
    return 3;
  }
  if (!text.starts_with("Id:")) {
    return 0;
  }
  const std::size_t end = text.find_first_of("$\n", 3);
  if (end == std::string_view::npos || text[end] == '\n') {
    return 0;
  }
  const std::size_t space = text.substr(0, end).find(' ', 4);
  const bool is_foreign = space != std::string_view::npos && space + 1 < end;
  return is_foreign ? 0 : end + 1;
}

std::string with_ident(std::string_view content, const ObjectId& id) {
  const std::string expanded = "Id: " + id.hex() + " $";
  std::string result;
  for (;;) {
    const std::size_t dollar = content.find('$');
    if (dollar == std::string_view::npos) {
      return result += content;
    }
    result += content.substr(0, dollar + 1);
    content.remove_prefix(dollar + 1);
    if (const std::size_t size = keyword_size(content); size > 0) {
      result += expanded;
      content.remove_prefix(size);
    }
  }
}

}  // namespace

Conversion conversion_for(const Attribute& text, const Attribute& crlf, const Attribute& eol,
                          const Attribute& ident) {
  Kind kind = kind_of(text);
  if (kind == Kind::unspecified) {
    kind = kind_of(crlf);
  }
  Conversion conversion;
  conversion.ident = ident.state == Attribute::State::set;
  if (eol.is("crlf") && kind != Kind::binary) {
    conversion.line_end = kind == Kind::automatic ? LineEnd::auto_crlf : LineEnd::crlf;
  }
  return conversion;
}

std::optional<std::string> to_working_tree(std::string_view content, const Conversion& conversion,
                                           const ObjectId& id) {
  std::optional<std::string> result;
  if (conversion.ident && content.find("$Id") != std::string_view::npos) {
    result = with_ident(content, id);
    content = *result;
  }
  if (wants_crlf(content, conversion.line_end)) {
    result = with_crlf(content);
  }
  return result;
}

}  // namespace freshet::checkout
