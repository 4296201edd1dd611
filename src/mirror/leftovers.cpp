#include "mirror/leftovers.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/files.h"

namespace freshet::mirror {
namespace {

bool is_lock(const std::string& name) {
  return name.ends_with(".lock") && name != "freshet.lock";
}

bool is_unfinished_pack(const std::string& name) {
  constexpr std::array<std::string_view, 5> kPrefixes{"tmp_", ".tmp-", "pack_git2_", "incoming-",
                                                      "tmp-"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

Result<void> remove_matching(const std::string& directory, bool (*matches)(const std::string&)) {
  if (!is_directory(directory)) {
    return {};
  }
  FRESHET_TRY(const auto names, list_directory(directory));
  for (const std::string& name : names) {
    if (matches(name)) {
      FRESHET_CHECK(remove_tree(directory + "/" + name));
    }
  }
  return {};
}

Result<void> remove_locks_below(const std::string& directory) {
  FRESHET_CHECK(remove_matching(directory, is_lock));
  FRESHET_TRY(const auto names, list_directory(directory));
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (is_directory(path)) {
      FRESHET_CHECK(remove_locks_below(path));
    }
  }
  return {};
}

}  // namespace

Result<void> remove_leftovers(const std::string& mirror) {
  FRESHET_CHECK(remove_matching(mirror, is_lock));
  for (const char* folder : {"/refs", "/worktrees"}) {
    if (is_directory(mirror + folder)) {
      FRESHET_CHECK(remove_locks_below(mirror + folder));
    }
  }
  FRESHET_CHECK(remove_matching(mirror + "/objects/pack", is_unfinished_pack));
  return remove_matching(mirror + "/objects", is_unfinished_pack);
}

}  // namespace freshet::mirror
