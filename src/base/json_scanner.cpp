#include "base/json_scanner.h"

#include <charconv>

namespace freshet {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

JsonScanner::JsonScanner(std::string_view text, int max_depth)
    : at_(text.data()), end_(text.data() + text.size()), max_depth_(max_depth) {
  if (text.starts_with("\xef\xbb\xbf")) {
    at_ += 3;
  }
}

char JsonScanner::peek() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
    ++at_;
  }
  return at_ != end_ ? *at_ : '\0';
}

bool JsonScanner::take(char c) {
  if (peek() != c || at_ == end_) {
    return false;
  }
  ++at_;
  return true;
}

bool JsonScanner::digits() {
  const char* const begin = at_;
  while (at_ != end_ && is_digit(*at_)) {
    ++at_;
  }
  return at_ != begin;
}

bool JsonScanner::number(std::string_view& text, bool& whole) {
  const auto next_is = [this](std::string_view any) {
    return at_ != end_ && any.find(*at_) != std::string_view::npos;
  };
  const char* const begin = at_;
  whole = true;
  if (next_is("-")) {
    ++at_;
  }
  if (next_is("0")) {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (next_is(".")) {
    whole = false;
    ++at_;
    if (!digits()) {
      return false;
    }
  }
  if (next_is("eE")) {
    whole = false;
    ++at_;
    if (next_is("+-")) {
      ++at_;
    }
    if (!digits()) {
      return false;
    }
  }
  text = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  return true;
}

bool JsonScanner::literal(std::string_view word) {
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonScanner::scalar(Json& value) {
  switch (peek()) {
    case 't':
      value = Json(true);
      return literal("true");
    case 'f':
      value = Json(false);
      return literal("false");
    case 'n':
      value = Json();
      return literal("null");
    default:
      break;
  }
  std::string_view text;
  bool whole = false;
  if (!number(text, whole)) {
    return false;
  }
  std::int64_t integer = 0;
  const char* const end = text.data() + text.size();
  if (whole && std::from_chars(text.data(), end, integer).ec == std::errc{}) {
    value = Json(integer);
    return true;
  }
  double real = 0;
  const bool fits = std::from_chars(text.data(), end, real).ec == std::errc{};
  value = fits ? Json(real) : Json();
  return true;
}

bool JsonScanner::skip_scalar() {
  std::string_view text;
  bool flag = false;
  switch (peek()) {
    case '"':
      return this->text(text, flag);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number(text, flag);
  }
}

bool JsonScanner::skip_name() {
  std::string_view raw;
  bool escaped = false;
  return text(raw, escaped) && take(':');
}

bool JsonScanner::skip() {
  const int outside = depth_;
  std::uint64_t objects = 0;  // of the open containers, the innermost is the lowest bit
  for (;;) {
    const char first = peek();
    const bool is_object = first == '{';
    if (is_object || first == '[') {
      ++at_;
      if (!enter()) {
        return false;
      }
      objects = objects << 1U | static_cast<std::uint64_t>(is_object);
      if (peek() != (is_object ? '}' : ']')) {
        if (is_object && !skip_name()) {
          return false;
        }
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    // Behind a value, or before the end of an empty container: close what ends here.
    while (depth_ > outside && take((objects & 1U) != 0 ? '}' : ']')) {
      objects >>= 1U;
      leave();
    }
    if (depth_ == outside) {
      return true;
    }
    if (!take(',') || ((objects & 1U) != 0 && !skip_name())) {
      return false;
    }
  }
}

}  // namespace freshet
