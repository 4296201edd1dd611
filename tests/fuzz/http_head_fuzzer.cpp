// The head of a request: what is taken has one reading only. The end of the head is found in
// pieces, then the head is read.

#include <algorithm>
#include <cctype>

#include "fuzzing.h"
#include "http/request_head.h"

namespace freshet::fuzz {
namespace {

using http::Head;
using http::HeadLimits;
using http::HeadScanner;

constexpr HeadLimits kLimits{4096, 20};

/// Of the last look: the end of the head, 0 while it has not come, or a negative status.
long scan(std::string_view text, std::size_t step) {
  HeadScanner scanner(kLimits);
  for (std::size_t size = std::min(step, text.size());;) {
    const auto end = scanner.scan(text.substr(0, size));
    if (!end) {
      return -end.error().status;
    }
    if (*end) {
      require(**end <= std::min(size, kLimits.bytes), "the end of a head is within the limit");
      return static_cast<long>(**end);
    }
    if (size == text.size()) {
      return 0;
    }
    size = std::min(size + step, text.size());
  }
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

void check(const Head& head, std::string_view text) {
  const http::Headers& headers = head.request.headers;
  require(headers.all().size() <= kLimits.fields, "fields are limited");
  for (const auto& [name, value] : headers.all()) {
    require(!name.empty() && name.find_first_of(" \t:\r\n") == std::string::npos,
            "a field's name is a token");
    require(is_printable(name) && is_printable(value), "a field holds no control character");
    require(text.find(name) != std::string_view::npos && text.find(value) != std::string_view::npos,
            "a field stands in the head as it is");
  }
  require(headers.count("Content-Length") + headers.count("Transfer-Encoding") <= 1,
          "the body has one end");
  require(headers.count("Host") <= 1, "there is one Host");
  require(!head.chunked || !head.content_length, "chunks or a length");
  require(head.chunked == (headers.count("Transfer-Encoding") == 1), "chunks are said to be ones");
  if (head.content_length) {
    const std::string_view said = *headers.find("Content-Length");
    require(std::all_of(said.begin(), said.end(), [](char c) { return c >= '0' && c <= '9'; }),
            "a length is digits");
  }
  require(!head.request.method.empty() && head.request.method.find(' ') == std::string::npos,
          "a method is a token");
  require(text.starts_with(head.head_only ? "HEAD " : head.request.method + " "),
          "the method is what the head begins with");
  require(head.request.path.starts_with('/') || head.request.path == "*", "a path is absolute");
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::size_t step = 1 + input.choice(64);
  const std::string_view text = input.rest();
  const long end = scan(text, text.size() + 1);
  // More bytes at once can show a limit or a mistake that lies behind the end.
  const long in_pieces = scan(text, step);
  require(end == in_pieces || (end < 0 && in_pieces != 0), "the end is where it is");
  if (in_pieces > 0) {
    const std::string_view head = text.substr(0, static_cast<std::size_t>(in_pieces));
    require(head.ends_with("\r\n\r\n"), "a head ends with an empty line");
    if (const auto read = http::parse_head(head)) {
      check(*read, head);
    } else {
      require(read.error().status >= 400 && read.error().status < 600, "a refusal has a status");
    }
  }
  // Whatever it is given it must stay within it.
  static_cast<void>(http::parse_head(text));
  return 0;
}
