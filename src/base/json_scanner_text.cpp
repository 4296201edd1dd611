#include <charconv>
#include <cstring>
#include <optional>

#include "base/json_scanner.h"

namespace freshet {
namespace {

/// Whether any of eight bytes ends a text, begins an escape, is a control character or not ASCII.
/// Can say yes once too often, never no.
bool any_special(const char* bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = kOnes * 0x80;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const auto has_zero = [](std::uint64_t value) { return (value - kOnes) & ~value; };
  return ((word | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\')) |
           (word - kOnes * 0x20)) &
          kHighs) != 0;
}

/// A byte of a text that stands for itself.
bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

/// The value of four hexadecimal digits, which must be there.
std::optional<unsigned> four_digits(const char* at, const char* end) {
  unsigned value = 0;
  if (end - at < 4) {
    return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(at, at + 4, value, 16);
  return error == std::errc{} && stop == at + 4 ? std::optional(value) : std::nullopt;
}

bool is_high_surrogate(unsigned unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}

bool is_low_surrogate(unsigned unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

void append_utf8(std::string& text, unsigned point) {
  const auto add = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6U);
    add(0x80 | (point & 0x3fU));
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12U);
    add(0x80 | (point >> 6U & 0x3fU));
    add(0x80 | (point & 0x3fU));
  } else {
    add(0xf0 | point >> 18U);
    add(0x80 | (point >> 12U & 0x3fU));
    add(0x80 | (point >> 6U & 0x3fU));
    add(0x80 | (point & 0x3fU));
  }
}

}  // namespace

bool JsonScanner::text(std::string_view& raw, bool& escaped) {
  escaped = false;
  if (!take('"')) {
    return false;
  }
  const char* const begin = at_;
  for (;;) {
    while (end_ - at_ >= 8 && !any_special(at_)) {
      at_ += 8;
    }
    if (at_ == end_) {
      return false;
    }
    const auto byte = static_cast<unsigned char>(*at_);
    if (byte == '"') {
      raw = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
      ++at_;
      return true;
    }
    if (byte == '\\') {
      escaped = true;
      if (!escape()) {
        return false;
      }
    } else if (byte >= 0x80) {
      if (!utf8_sequence()) {
        return false;
      }
    } else if (byte < 0x20) {
      return false;
    } else {
      do {
        ++at_;
      } while (at_ != end_ && is_plain(*at_));
    }
  }
}

bool JsonScanner::escape() {
  ++at_;
  if (at_ == end_) {
    return false;
  }
  const char kind = *at_++;
  if (kind != 'u') {
    return kind != '\0' && std::strchr("\"\\/bfnrt", kind) != nullptr;
  }
  const auto unit = four_digits(at_, end_);
  if (!unit || is_low_surrogate(*unit)) {
    return false;
  }
  at_ += 4;
  if (!is_high_surrogate(*unit)) {
    return true;
  }
  if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') {
    return false;
  }
  const auto low = four_digits(at_ + 2, end_);
  at_ += 6;
  return low && is_low_surrogate(*low);
}

bool JsonScanner::utf8_sequence() {
  const auto byte = [this](std::ptrdiff_t i) { return static_cast<unsigned char>(at_[i]); };
  const unsigned char first = byte(0);
  const int more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : 3;
  if (first < 0xc2 || first > 0xf4 || end_ - at_ <= more) {
    return false;
  }
  for (int i = 1; i <= more; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) {
      return false;
    }
  }
  // Longer than needed, a surrogate, or beyond the last code point.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return false;
  }
  at_ += more + 1;
  return true;
}

std::string JsonScanner::decode(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  const char* const end = raw.data() + raw.size();
  for (const char* at = raw.data(); at != end;) {
    if (*at != '\\') {
      text += *at++;
      continue;
    }
    const char kind = at[1];
    at += 2;
    if (kind != 'u') {
      constexpr std::string_view kShort = "bfnrt";
      const std::size_t which = kShort.find(kind);
      text += which == std::string_view::npos ? kind : "\b\f\n\r\t"[which];
      continue;
    }
    unsigned point = *four_digits(at, end);
    at += 4;
    if (is_high_surrogate(point)) {
      point = 0x10000 + ((point - 0xd800) << 10U) + (*four_digits(at + 2, end) - 0xdc00);
      at += 6;
    }
    append_utf8(text, point);
  }
  return text;
}

}  // namespace freshet
