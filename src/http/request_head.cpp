#include "http/request_head.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "http/request_target.h"

namespace freshet::http {
namespace {

constexpr Refusal kMalformed{400, "bad_request", "the request is not valid HTTP"};

constexpr Refusal bad(std::string_view message) {
  return {400, "bad_request", message};
}

bool is_token_char(unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
    return true;
  }
  return c != 0 &&
         std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

/// Takes the next line, without its CR LF, off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(std::min(line.size() + 2, text.size()));
  return line;
}

std::optional<Refusal> parse_field(std::string_view line, Headers& headers) {
  const std::size_t colon = line.find(':');
  // A name with a space before the colon, and a line that continues the one before, end here too.
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return bad("a header field is malformed");
  }
  const std::string_view value = trim(line.substr(colon + 1));
  const bool printable = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
  });
  if (!printable) {
    return bad("a header field holds a control character");
  }
  headers.add(std::string(line.substr(0, colon)), std::string(value));
  return std::nullopt;
}

bool is_host(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']' || c == '%';
  });
}

std::optional<Refusal> read_host(Head& head) {
  const Headers& headers = head.request.headers;
  const std::size_t hosts = headers.count("Host");
  if (hosts > 1 || (hosts == 0 && !head.http_1_0)) {
    return bad("exactly one Host is needed");
  }
  if (!is_host(headers.find("Host").value_or(""))) {
    return bad("Host is malformed");
  }
  return std::nullopt;
}

std::optional<Refusal> read_framing(Head& head) {
  const Headers& headers = head.request.headers;
  const std::size_t lengths = headers.count("Content-Length");
  const std::size_t encodings = headers.count("Transfer-Encoding");
  if (lengths + encodings > 1) {
    return bad("the end of the body is ambiguous");
  }
  if (encodings == 1) {
    if (head.http_1_0 || !same(*headers.find("Transfer-Encoding"), "chunked")) {
      return bad("Transfer-Encoding can only be chunked");
    }
    head.chunked = true;
  }
  if (lengths == 1) {
    const std::string_view text = *headers.find("Content-Length");
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const bool beyond = error == std::errc::result_out_of_range;
    if (end != text.data() + text.size() || (error != std::errc() && !beyond)) {
      return bad("Content-Length is malformed");
    }
    // A length that no number holds is over every limit.
    head.content_length = beyond ? std::numeric_limits<std::uint64_t>::max() : length;
  }
  return std::nullopt;
}

std::optional<Refusal> read_options(Head& head) {
  head.keep_alive = !head.http_1_0;
  for (const auto& [name, value] : head.request.headers.all()) {
    if (same(name, "Connection")) {
      std::string_view rest = value;
      while (!rest.empty()) {
        const std::string_view token = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(token.size() + 1, rest.size()));
        if (same(trim(token), "close")) {
          head.keep_alive = false;
          return std::nullopt;
        }
        head.keep_alive = head.keep_alive || same(trim(token), "keep-alive");
      }
    }
  }
  return std::nullopt;
}

std::optional<Refusal> read_expectations(Head& head) {
  for (const auto& [name, value] : head.request.headers.all()) {
    if (same(name, "Content-Encoding") && !value.empty() && !same(value, "identity")) {
      head.encoded = true;
    } else if (same(name, "Expect")) {
      if (!same(value, "100-continue")) {
        return Refusal{417, "expectation_failed", "only 100-continue can be expected"};
      }
      head.expects_continue = !head.http_1_0;
    }
  }
  return std::nullopt;
}

std::optional<Refusal> read_request_line(std::string_view line, Head& head,
                                         std::string_view& target) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || !is_token(line.substr(0, first))) {
    return kMalformed;
  }
  const std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool other = version.size() == 8 && version.starts_with("HTTP/");
    return other ? Refusal{505, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here"}
                 : kMalformed;
  }
  head.http_1_0 = version == "HTTP/1.0";
  head.head_only = line.substr(0, first) == "HEAD";
  head.request.method = head.head_only ? "GET" : std::string(line.substr(0, first));
  target = line.substr(first + 1, second - first - 1);
  return std::nullopt;
}

}  // namespace

tl::expected<std::optional<std::size_t>, Refusal> HeadScanner::scan(std::string_view buffer) {
  // Told at once: TLS towards a plain port, and whatever else is no HTTP.
  if (!buffer.empty() && !is_token_char(static_cast<unsigned char>(buffer.front()))) {
    return tl::unexpected(kMalformed);
  }
  while (searched_ < buffer.size()) {
    const std::size_t newline = buffer.find('\n', searched_);
    if (newline == std::string_view::npos || newline >= limits_.bytes) {
      break;
    }
    if (newline == 0 || buffer[newline - 1] != '\r') {
      return tl::unexpected(kMalformed);
    }
    const bool empty = newline - line_begin_ == 1;
    searched_ = line_begin_ = newline + 1;
    if (empty) {
      return std::optional(line_begin_);
    }
    if (++lines_ > limits_.fields + 1) {
      return tl::unexpected(Refusal{431, "head_too_large", "there are too many header fields"});
    }
  }
  searched_ = std::max(searched_, buffer.size());
  if (buffer.size() >= limits_.bytes) {
    return tl::unexpected(lines_ == 0
                              ? Refusal{414, "target_too_long", "the request line is too long"}
                              : Refusal{431, "head_too_large", "the request's head is too long"});
  }
  return std::optional<std::size_t>();
}

tl::expected<Head, Refusal> parse_head(std::string_view text) {
  Head head;
  std::string_view target;
  if (auto refusal = read_request_line(take_line(text), head, target)) {
    return tl::unexpected(*refusal);
  }
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    if (auto refusal = parse_field(line, head.request.headers)) {
      return tl::unexpected(*refusal);
    }
  }
  for (auto* read : {&read_host, &read_framing, &read_options, &read_expectations}) {
    if (auto refusal = (*read)(head)) {
      return tl::unexpected(*refusal);
    }
  }
  if (!parse_target(target, head.request.headers.find("Host").value_or(""), head.request)) {
    return tl::unexpected(bad("the request's target is malformed"));
  }
  return head;
}

}  // namespace freshet::http
