#include "remote/printable.h"

#include "base/url.h"

namespace freshet::remote {

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  std::string result;
  for (const char c : text.substr(0, kLongest)) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t';
    result += is_space ? ' ' : (c >= ' ' && c <= '~' ? c : '?');
  }
  return redact_urls(result);
}

tl::unexpected<Error> odd_answer(std::string_view what, std::string_view text) {
  return fail(ErrorClass::protocol, "the upstream's answer has " + std::string(what) + ": \"" +
                                        printable(text.substr(0, 80)) + "\"");
}

}  // namespace freshet::remote
