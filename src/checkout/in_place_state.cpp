#include <sstream>

#include "base/files.h"
#include "checkout/in_place.h"

namespace freshet::checkout {

std::string in_place_state_file(const Layout& layout) {
  return layout.directory + "/in_place";
}

std::optional<InPlaceState> read_in_place_state(const Layout& layout) {
  constexpr std::size_t kLargest = std::size_t{1} << 20U;  // commits that all failed in a row
  const auto text = read_file(in_place_state_file(layout), kLargest);
  if (!text) {
    return std::nullopt;
  }
  InPlaceState state;
  std::istringstream lines(*text);
  for (std::string key, value; lines >> key >> value;) {
    const auto commit = ObjectId::parse(value);
    if (key == "at") {
      state.at = commit;
    } else if (key == "to" && commit) {
      state.to.push_back(*commit);
    } else if (key == "beside" && value.starts_with(".freshet-") &&
               value.find('/') == std::string::npos) {
      state.beside = value;
    }
  }
  return state.beside.empty() ? std::nullopt : std::optional(std::move(state));
}

Result<void> write_in_place_state(const Layout& layout, const InPlaceState& state) {
  std::string text = "beside " + state.beside + "\n";
  text += state.at ? "at " + state.at->hex() + "\n" : "";
  for (const ObjectId& commit : state.to) {
    text += "to " + commit.hex() + "\n";
  }
  return write_file_atomically(in_place_state_file(layout), text);
}

bool is_half_way(const CheckoutSpec& spec) {
  const auto state =
      spec.mode == "in_place" ? read_in_place_state(Layout(spec.path)) : std::nullopt;
  return state && !state->to.empty();
}

}  // namespace freshet::checkout
