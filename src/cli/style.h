#pragma once

#include <string>
#include <string_view>

namespace freshet::cli {

enum class Colour { plain, bold, dim, red, yellow, green };

/// Puts colours around texts where they are wanted: on a terminal, unless NO_COLOR is set or the
/// terminal is dumb.
class Style {
 public:
  explicit Style(int descriptor);

  /// The text with its control characters shown by their numbers, in that colour.
  std::string operator()(Colour colour, std::string_view text) const;
  /// By what the text says: a state or result of a repository.
  std::string state(std::string_view text) const;

 private:
  bool coloured_;
};

/// A line that Style has made, on standard output.
void print_styled(std::string_view line);

/// Begins the line of a terminal anew: what is shown while something runs leaves nothing behind.
inline constexpr const char* kEraseLine = "\r\033[K";

/// Columns of the terminal that the descriptor is; 0: none, nothing has to fit.
std::size_t terminal_width(int descriptor);

}  // namespace freshet::cli
