#include "notify/glob.h"

namespace freshet::notify {
namespace {

/// Cuts the first part off; `rest` is at its end (npos) when there was no slash.
std::string_view take_part(std::string_view& text, bool& ended) {
  const std::size_t slash = text.find('/');
  const std::string_view part = text.substr(0, slash);
  ended = slash == std::string_view::npos;
  text = ended ? std::string_view() : text.substr(slash + 1);
  return part;
}

/// "*" and "?" within one part: the last star takes one byte more each time that the rest fails.
bool part_matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      after_star = in;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in])) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  for (;;) {
    bool last_pattern = false;
    const std::string_view wanted = take_part(pattern, last_pattern);
    if (wanted == "**") {
      if (last_pattern) {
        return true;
      }
      for (std::string_view rest = path;;) {
        if (glob_matches(pattern, rest)) {
          return true;
        }
        bool last = false;
        take_part(rest, last);
        if (last) {
          return false;
        }
      }
    }
    bool last_path = false;
    const std::string_view part = take_part(path, last_path);
    if (!part_matches(wanted, part) || last_pattern != last_path) {
      return false;
    }
    if (last_pattern) {
      return true;
    }
  }
}

}  // namespace freshet::notify
