#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace freshet::http {

// Why this is not cpp-httplib's: its process_request undoes percent-encoding in every header value
// (so a check in front of it sees other values than the application, and a signature or token with
// a % changes), takes the first of two Content-Length, ends a chunked body in peace at a malformed
// chunk, reads chunk sizes like " 0x3", never reads the body of a GET and runs it as the next
// request, and answers unknown methods itself. Each of these lies between its reading of the head
// and its calling a handler, where nobody gets at them; with heads and bodies read here nothing of
// it would be left in use.

/// Why a request is not taken; the connection ends with it.
struct Refusal {
  int status = 400;
  std::string_view code = "bad_request";
  std::string_view message;
};

struct HeadLimits {
  std::size_t bytes = std::size_t{32} * 1024;
  std::size_t fields = 100;
};

/// What stands before the body, and how the body is delimited.
struct Head {
  Request request;
  bool head_only = false;  ///< it was HEAD
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool encoded = false;  ///< Content-Encoding other than identity
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
};

/// Finds the end of a head in bytes that arrive in pieces. Every line must end with CR LF.
class HeadScanner {
 public:
  explicit HeadScanner(HeadLimits limits) : limits_(limits) {}

  /// `buffer` begins with the request line and grows between calls. Its length up to and including
  /// the empty line; nullopt while that has not come.
  tl::expected<std::optional<std::size_t>, Refusal> scan(std::string_view buffer);

 private:
  HeadLimits limits_;
  std::size_t line_begin_ = 0;
  std::size_t searched_ = 0;
  std::size_t lines_ = 0;
};

/// Reads a whole head as RFC 9112 says, strictly: wherever two readers could disagree about where
/// the request ends or whom it is for, it is refused.
tl::expected<Head, Refusal> parse_head(std::string_view text);

}  // namespace freshet::http
