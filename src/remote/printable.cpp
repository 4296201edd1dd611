#include "remote/printable.h"

#include <algorithm>

#include "base/url.h"

namespace freshet::remote {

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  // Before anything is cut off or replaced: the end of a password could be what tells that it is
  // one.
  std::string result = redact_urls(text);
  result.resize(std::min(result.size(), kLongest));
  for (char& c : result) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t';
    c = is_space ? ' ' : (c >= ' ' && c <= '~' ? c : '?');
  }
  return result;
}

tl::unexpected<Error> odd_answer(std::string_view what, std::string_view text) {
  return fail(ErrorClass::protocol, "the upstream's answer has " + std::string(what) + ": \"" +
                                        printable(text).substr(0, 80) + "\"");
}

}  // namespace freshet::remote
