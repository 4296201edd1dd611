#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "base/visible.h"
#include "fuzzing.h"
#include "remote/packet_line.h"

namespace freshet::fuzz {

/// What an upstream says, from a text that people can write: each line is a packet with its line
/// end. Those of one character are marks: "." flush, "," delimiter, ";" end of the response. "1:",
/// "2:" and "3:" in front are side bands, of packets without a line end. "\" in front: the rest of
/// the text stands as it is.
inline std::string framed(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    if (text.front() == '\\') {
      return bytes.append(text.substr(1));
    }
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line == ".") {
      remote::append_flush(bytes);
    } else if (line == ",") {
      remote::append_delimiter(bytes);
    } else if (line == ";") {
      bytes += "0002";
    } else if (line.size() > 1 && line[0] >= '1' && line[0] <= '3' && line[1] == ':') {
      remote::append_packet(
          bytes, std::string(1, static_cast<char>(line[0] - '0')).append(line.substr(2)));
    } else {
      remote::append_packet(bytes, std::string(line) + "\n");
    }
  }
  return bytes;
}

/// Hands the bytes on in pieces of `size` and of one byte in turn, or at once (`size` 0), for as
/// long as `take` wants them.
inline void in_pieces(std::string_view bytes, std::size_t size,
                      const std::function<bool(std::string_view)>& take) {
  for (bool whole = true; !bytes.empty(); whole = !whole) {
    const std::size_t count =
        size == 0 ? bytes.size() : std::min(whole ? size : std::size_t{1}, bytes.size());
    // A copy, so that a reader who keeps a view beyond its piece is found out.
    const std::string piece(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (!take(piece)) {
      return;
    }
  }
}

/// An error about what an upstream said: one line that a terminal may get, and never about our own
/// disk.
inline void check_upstream_error(const Error& error) {
  require(visible(error.message) == error.message, "an error is one line that can be shown");
  require(!error.message.empty() && error.message.size() < 600, "an error is a short text");
  require(error.error_class != ErrorClass::no_space && error.error_class != ErrorClass::corrupt &&
              error.error_class != ErrorClass::internal &&
              error.error_class != ErrorClass::conflict,
          "what an upstream says is about the upstream");
}

}  // namespace freshet::fuzz
