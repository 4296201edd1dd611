#include "mirror/care.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "mirror/slot_refs.h"

namespace freshet::mirror {
namespace {

constexpr std::size_t kManyPacks = 50;
/// Each ref that is a file costs some 50 us whenever all are read; packing rewrites all of them.
constexpr std::size_t kManyRefFiles = 200;
constexpr Duration kPackLimit{std::chrono::hours(1)};
constexpr Duration kCheckLimit{std::chrono::hours(6)};

ChildSpec quiet_git(const GitPlace& place, std::vector<std::string> arguments, Duration limit) {
  ChildSpec spec;
  spec.arguments = {"nice", "-n", "19", "git", "--git-dir=" + place.mirror};
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  spec.environment = place.environment.variables();
  spec.directory = place.mirror;
  spec.descriptors = {place.lock_descriptor};
  spec.time_limit = limit;
  return spec;
}

std::string mark_of(const std::string& mirror) {
  return mirror + "/freshet.checked";
}

/// How many files are below `directory`; stops counting soon after `enough`.
Result<std::size_t> count_files(const std::string& directory, std::size_t enough) {
  FRESHET_TRY(const auto names, list_directory(directory));
  std::size_t count = 0;
  for (const std::string& name : names) {
    if (count >= enough) {
      break;
    }
    const std::string path = directory + "/" + name;
    if (is_directory(path)) {
      FRESHET_TRY(const std::size_t below, count_files(path, enough - count));
      count += below;
    } else {
      ++count;
    }
  }
  return count;
}

Result<void> rename_path(const std::string& from, const std::string& to, unsigned flags = 0) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
    return fail(system_error(errno, "cannot rename " + from + " to " + to));
  }
  return {};
}

}  // namespace

Result<void> pack_up(const GitPlace& place, const CancelToken& cancel) {
  FRESHET_TRY(const auto names, list_directory(place.mirror + "/objects/pack"));
  const auto packs = std::count_if(names.begin(), names.end(),
                                   [](const std::string& name) { return name.ends_with(".pack"); });
  if (static_cast<std::size_t>(packs) < kManyPacks) {
    return {};
  }
  FRESHET_TRY(
      const ChildResult result,
      run_child(quiet_git(place, {"repack", "-d", "-q", "--geometric=2"}, kPackLimit), cancel));
  if (!result.succeeded() && result.end != ChildResult::End::cancelled) {
    return fail(ErrorClass::internal, "git repack failed: " + result.error_text);
  }
  return {};
}

Result<void> pack_refs(const GitPlace& place, const CancelToken& cancel) {
  FRESHET_TRY(const std::size_t count, count_files(place.mirror + "/refs", kManyRefFiles));
  if (count < kManyRefFiles) {
    return {};
  }
  FRESHET_TRY(const auto slots, slot_files(place.mirror));
  FRESHET_TRY(
      const ChildResult result,
      run_child(quiet_git(place, {"-c", "core.fsync=reference", "pack-refs", "--all"}, kPackLimit),
                cancel));
  FRESHET_CHECK(restore_slot_files(place.mirror, slots));
  if (!result.succeeded() && result.end != ChildResult::End::cancelled) {
    return fail(ErrorClass::internal, "git pack-refs failed: " + result.error_text);
  }
  return {};
}

Result<bool> is_damaged(const GitPlace& place, const CancelToken& cancel) {
  FRESHET_TRY(
      const ChildResult result,
      run_child(quiet_git(place, {"fsck", "--full", "--no-dangling", "--no-progress"}, kCheckLimit),
                cancel));
  if (result.end != ChildResult::End::exited) {
    return fail(ErrorClass::conflict, "the check of the mirror did not finish");
  }
  // Bit 1: an object is damaged; 2: an object is missing; 4, 8: packs and indexes. Odd but whole
  // objects of old histories are no damage: git says "error in" for them.
  const bool serious =
      result.status != 0 && result.error_text.find("error in ") == std::string::npos;
  return serious || (result.status & ~1) != 0;
}

bool check_is_due(const std::string& mirror, WallTime now) {
  struct stat info {};
  return ::stat(mark_of(mirror).c_str(), &info) != 0 ||
         WallTime(std::chrono::seconds(info.st_mtim.tv_sec)) + kCheckEvery < now;
}

void note_new(const std::string& mirror) {
  if (!path_exists(mark_of(mirror))) {
    note_checked(mirror);
  }
}

void note_checked(const std::string& mirror) {
  const UniqueFd fd(::open(mark_of(mirror).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd || ::futimens(fd.get(), nullptr) != 0) {
    log::warning("cannot note the check of a mirror", {{"mirror", mirror}});
  }
}

Result<void> replace(const std::string& fresh, const std::string& mirror) {
  if (is_directory(mirror + "/worktrees") && !path_exists(fresh + "/worktrees")) {
    FRESHET_CHECK(rename_path(mirror + "/worktrees", fresh + "/worktrees"));
  }
  FRESHET_CHECK(rename_path(fresh, mirror, RENAME_EXCHANGE));
  FRESHET_CHECK(sync_directory(parent_path(mirror)));
  return remove_tree(fresh);
}

Result<void> end_replacement(const std::string& fresh, const std::string& mirror) {
  if (!path_exists(fresh)) {
    return {};
  }
  if (is_directory(fresh + "/worktrees") && !path_exists(mirror + "/worktrees")) {
    FRESHET_CHECK(rename_path(fresh + "/worktrees", mirror + "/worktrees"));
  }
  return remove_tree(fresh);
}

}  // namespace freshet::mirror
