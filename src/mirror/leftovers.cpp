#include "mirror/leftovers.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/files.h"

namespace freshet::mirror {
namespace {

constexpr std::string_view kIncoming = "refs/freshet/incoming";
constexpr std::size_t kPackedRefsLimit = std::size_t{1} << 30U;
constexpr Duration kReadersLock = std::chrono::minutes(1);

/// No ref can be called NAME.lock, so that every such file is a lock.
bool is_lock(const std::string& path) {
  return path.ends_with(".lock") && !path.ends_with("/freshet.lock") && !is_directory(path);
}

bool is_unfinished_pack(const std::string& path) {
  constexpr std::array<std::string_view, 5> kPrefixes{"tmp_", ".tmp-", "pack_git2_", "incoming-",
                                                      "tmp-"};
  const std::string name = base_name(path);
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// What `git fetch` keeps its pack with until the refs have moved; nobody else makes them like
/// this. Empty: the disk was full.
bool is_stale_keep(const std::string& path) {
  struct stat info {};
  if (!path.ends_with(".keep") || ::lstat(path.c_str(), &info) != 0 ||
      (info.st_mode & 07777U) != 0600) {
    return false;
  }
  const auto content = read_file(path, 4096);
  return content && (content->empty() || content->starts_with("fetch-pack "));
}

/// A power failure can leave a ref's file empty or full of zeros. Every fetch fails beside one, and
/// neither git nor libgit2 moves it again; the upstream knows what belongs there.
bool is_broken_ref(const std::string& path) {
  if (is_directory(path)) {
    return false;
  }
  auto content = read_file(path, 4096);
  if (!content) {
    return false;
  }
  content->erase(content->find_last_not_of('\n') + 1);
  return !content->starts_with("ref: ") && !ObjectId::parse(*content);
}

bool is_older(const std::string& path, WallTime now, Duration age) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 &&
         WallTime::clock::from_time_t(info.st_mtime) + age < now;
}

std::string join(const std::string& directory, const std::string& name) {
  return directory + "/" + name;
}

template <class Matches>
Result<void> remove_matching(const std::string& directory, Matches matches) {
  if (!is_directory(directory)) {
    return {};
  }
  FRESHET_TRY(const auto names, list_directory(directory));
  for (const std::string& name : names) {
    const std::string path = join(directory, name);
    if (matches(path)) {
      FRESHET_CHECK(remove_tree(path));
    }
  }
  return {};
}

template <class Matches>
Result<void> remove_matching_below(const std::string& directory, Matches matches) {
  if (!is_directory(directory)) {
    return {};
  }
  FRESHET_CHECK(remove_matching(directory, matches));
  FRESHET_TRY(const auto names, list_directory(directory));
  for (const std::string& name : names) {
    const std::string path = join(directory, name);
    if (is_directory(path)) {
      FRESHET_CHECK(remove_matching_below(path, matches));
    }
  }
  return {};
}

/// Those that are in packed-refs, for a `git gc` by hand can have packed them.
std::vector<RefName> packed_incoming(const std::string& mirror) {
  std::vector<RefName> refs;
  const auto content = read_file(mirror + "/packed-refs", kPackedRefsLimit);
  const std::string mark = " " + std::string(kIncoming) + "/";
  std::size_t at = content ? content->find(mark) : std::string::npos;
  while (at != std::string::npos) {
    const std::size_t end = std::min(content->find('\n', at), content->size());
    refs.emplace_back(content->substr(at + 1, end - at - 1));
    at = content->find(mark, end);
  }
  return refs;
}

}  // namespace

Result<void> remove_leftovers(const std::string& mirror, WallTime now) {
  FRESHET_CHECK(remove_matching(mirror, is_lock));
  FRESHET_CHECK(remove_matching_below(mirror + "/refs", [](const std::string& path) {
    return is_lock(path) || is_broken_ref(path);
  }));
  FRESHET_CHECK(remove_matching_below(mirror + "/worktrees", [&](const std::string& path) {
    return is_lock(path) && is_older(path, now, kReadersLock);
  }));
  FRESHET_CHECK(remove_matching_below(mirror + "/objects/info", is_lock));
  FRESHET_CHECK(remove_matching(mirror + "/objects/pack", [](const std::string& path) {
    return is_lock(path) || is_unfinished_pack(path) || is_stale_keep(path);
  }));
  return remove_matching(mirror + "/objects", is_unfinished_pack);
}

Result<void> remove_incoming(const GitPlace& place) {
  // A loose ref is a file, and nobody but the holder of our lock writes below this name.
  FRESHET_CHECK(remove_tree(place.mirror + "/" + std::string(kIncoming)));
  return delete_refs(place, packed_incoming(place.mirror));
}

}  // namespace freshet::mirror
