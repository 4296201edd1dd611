#include "checkout/path_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace freshet::checkout {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// UTF-8 of U+200C..U+200F, U+202A..U+202E, U+206A..U+206F and U+FEFF, which HFS+ leaves out when
/// it compares names.
bool is_ignored_by_hfs(std::string_view three) {
  const auto b0 = static_cast<unsigned char>(three[0]);
  const auto b1 = static_cast<unsigned char>(three[1]);
  const auto b2 = static_cast<unsigned char>(three[2]);
  if (b0 == 0xe2 && b1 == 0x80) {
    return (b2 >= 0x8c && b2 <= 0x8f) || (b2 >= 0xaa && b2 <= 0xae);
  }
  if (b0 == 0xe2 && b1 == 0x81) {
    return b2 >= 0xaa && b2 <= 0xaf;
  }
  return b0 == 0xef && b1 == 0xbb && b2 == 0xbf;
}

std::string without_ignored(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size();) {
    if (i + 3 <= name.size() && is_ignored_by_hfs(name.substr(i, 3))) {
      i += 3;
    } else {
      result += name[i++];
    }
  }
  return result;
}

bool is_git_on_ntfs(std::string_view name) {
  const std::string plain = lower(name);
  for (const std::string_view git : {std::string_view(".git"), std::string_view("git~1")}) {
    if (plain.starts_with(git)) {
      const std::string_view rest = std::string_view(plain).substr(git.size());
      const std::size_t end = rest.find_first_not_of(" .");
      if (end == std::string_view::npos || rest[end] == ':') {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool is_safe_entry_name(std::string_view name) {
  using namespace std::string_view_literals;
  if (name.empty() || name == "." || name == ".." || name.size() > 255 ||
      name.find_first_of("/\0"sv) != std::string_view::npos) {
    return false;
  }
  return !is_git_on_ntfs(name) && lower(without_ignored(name)) != ".git";
}

}  // namespace freshet::checkout
