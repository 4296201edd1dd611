#include "cli/style.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>

#include "base/visible.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

bool is_set(const char* name) {
  const char* value = ::secure_getenv(name);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* terminal = ::secure_getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) == "dumb";
}

}  // namespace

Style::Style(int descriptor)
    : coloured_(is_terminal(descriptor) && !is_set("NO_COLOR") && !is_dumb()) {}

std::string Style::operator()(Colour colour, std::string_view text) const {
  // In the order of the enumeration.
  constexpr std::array<const char*, 6> kCodes{"", "1", "2", "1;31", "33", "32"};
  std::string shown = visible(text);
  if (!coloured_ || colour == Colour::plain || shown.empty()) {
    return shown;
  }
  return std::string("\033[") + kCodes.at(static_cast<std::size_t>(colour)) + "m" + shown +
         "\033[0m";
}

std::string Style::state(std::string_view text) const {
  const Colour colour = text == "ok"                                              ? Colour::green
                        : text == "failing" || text == "failed" || text == "held" ? Colour::red
                        : text == "lagging" || text == "paused" || text == "pending"
                            ? Colour::yellow
                            : Colour::plain;
  return (*this)(colour, text);
}

void print_styled(std::string_view line) {
  std::cout << line << "\n" << std::flush;
}

std::size_t terminal_width(int descriptor) {
  winsize size{};
  const bool known = is_terminal(descriptor) && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0;
  return known ? size.ws_col : 0;
}

}  // namespace freshet::cli
