#include "model/ids.h"

#include <algorithm>

namespace freshet {
namespace {

bool is_valid_component(std::string_view part) {
  return !part.empty() && !part.starts_with('.') && !part.ends_with(".lock") &&
         part.find("..") == std::string_view::npos && part.find("@{") == std::string_view::npos;
}

}  // namespace

bool is_valid_ref(std::string_view text) {
  if (text == "HEAD") {
    return true;
  }
  if (!text.starts_with("refs/") || text.size() > 4096 || text.ends_with('.') ||
      std::any_of(text.begin(), text.end(), [](unsigned char c) {
        return c <= ' ' || c == 0x7f ||
               std::string_view("~^:?*[\\").find(static_cast<char>(c)) != std::string_view::npos;
      })) {
    return false;
  }
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    if (!is_valid_component(text.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(slash + 1);
  }
  return false;
}

std::optional<RefName> parse_ref(std::string_view text) {
  return is_valid_ref(text) ? std::optional(RefName(std::string(text))) : std::nullopt;
}

std::optional<ObjectId> ObjectId::parse(std::string_view text) {
  if ((text.size() != 40 && text.size() != 64) ||
      text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  ObjectId id;
  id.hex_ = text;
  return id;
}

}  // namespace freshet
