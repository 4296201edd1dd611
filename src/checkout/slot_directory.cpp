#include "checkout/slot_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/hmac.h"
#include "checkout/in_place.h"

namespace freshet::checkout {
namespace {

constexpr std::string_view kRetired = ".retired";
constexpr std::string_view kNotice = "README";
constexpr std::string_view kNoticeText =
    "This directory belongs to freshet: it holds the trees that the link beside it leads to.\n"
    "Please change nothing in here; remove it together with the link.\n";
/// A sweep holds the lock for a few renames.
constexpr Duration kPatience{5'000};

std::optional<std::string> read_link(const std::string& path) {
  std::array<char, 4096> buffer{};
  const ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (size < 0 || size == static_cast<ssize_t>(buffer.size())) {
    return std::nullopt;
  }
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

/// The commit that a link target of ours ends in.
std::optional<ObjectId> commit_of_target(const Layout& layout, const std::string& target) {
  const std::string ours = base_name(layout.directory) + "/";
  if (!target.starts_with(ours)) {
    return std::nullopt;
  }
  return ObjectId::parse(target.substr(ours.size()));
}

Result<void> refuse(const std::string& path) {
  return fail(ErrorClass::conflict,
              path +
                  " exists and was not made by freshet; it is left alone. Move it away or "
                  "choose another path");
}

Result<void> check_link(const Layout& layout) {
  if (!path_exists(layout.link)) {
    return {};
  }
  const auto target = read_link(layout.link);
  return target && commit_of_target(layout, *target) ? Result<void>() : refuse(layout.link);
}

Result<void> claim_directory(const Layout& layout) {
  const std::string notice = layout.directory + "/" + std::string(kNotice);
  if (path_exists(layout.directory)) {
    struct stat info {};
    if (::lstat(layout.directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      return refuse(layout.directory);
    }
    const bool others_write = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if ((info.st_uid != ::geteuid() && info.st_uid != 0) || others_write) {
      return fail(ErrorClass::conflict, layout.directory +
                                            " belongs to another user, or others can write to it; "
                                            "nothing is published through it");
    }
    const auto text = read_file(notice, kNoticeText.size());
    if (text && *text == kNoticeText) {
      return {};
    }
    // An empty one, or one with an unfinished notice, is what a crash right after mkdir leaves.
    FRESHET_TRY(const auto names, list_directory(layout.directory));
    if (!std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with(kNotice); })) {
      return refuse(layout.directory);
    }
  }
  FRESHET_CHECK(make_directories(layout.directory));
  return write_file_atomically(notice, kNoticeText);
}

Result<void> rename_path(const std::string& from, const std::string& to, unsigned flags = 0) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
    if (errno == EEXIST) {
      return refuse(to);
    }
    return fail(system_error(errno, "cannot rename " + from + " to " + to));
  }
  return {};
}

WallTime changed_at(const struct stat& info) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

Result<UniqueFd> lock_tree(const std::string& tree, int operation) {
  UniqueFd fd(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), operation | LOCK_NB) != 0) {
    return fail(system_error(errno, "cannot lock " + tree));
  }
  return fd;
}

}  // namespace

Layout::Layout(const std::string& checkout_path)
    : link(checkout_path),
      parent(parent_path(checkout_path)),
      directory((parent == "/" ? "" : parent) + "/." + base_name(checkout_path) + ".freshet") {}

std::string Layout::target_of(const ObjectId& commit) const {
  return base_name(directory) + "/" + commit.hex();
}

std::string Layout::slot(const ObjectId& commit) const {
  return directory + "/" + commit.hex();
}

Result<SlotDirectory> SlotDirectory::claim(const std::string& checkout_path) {
  FRESHET_CHECK(check_link(Layout(checkout_path)));
  return claim_beside(checkout_path);
}

Result<SlotDirectory> SlotDirectory::claim_beside(const std::string& checkout_path) {
  Layout layout(checkout_path);
  FRESHET_CHECK(make_directories(layout.parent));
  FRESHET_CHECK(claim_directory(layout));
  FRESHET_TRY(FileLock lock, FileLock::acquire(layout.directory + "/lock", kPatience));
  return SlotDirectory(std::move(layout), std::move(lock));
}

std::optional<ObjectId> SlotDirectory::current() const {
  const auto target = read_link(layout_.link);
  return target ? commit_of_target(layout_, *target) : std::nullopt;
}

bool SlotDirectory::has(const ObjectId& commit) const {
  return is_directory(layout_.slot(commit));
}

std::string SlotDirectory::spare_place(const ObjectId& commit) const {
  return layout_.directory + "/" + std::string(kSpare) + commit.hex();
}

std::string SlotDirectory::new_place(std::string_view kind) const {
  return layout_.directory + "/" + std::string(kind) + random_hex(8);
}

std::vector<Spare> SlotDirectory::spares() const {
  std::vector<std::pair<std::int64_t, Spare>> found;
  const auto names = list_directory(layout_.directory);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const auto commit = commit_of_spare(name);
    const std::string place = layout_.directory + "/" + name;
    struct stat info {};
    if (commit && ::lstat(place.c_str(), &info) == 0 && lock_tree(place, LOCK_EX)) {
      // Renamed then.
      found.push_back(
          {info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec, {place, *commit}});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Spare> spares;
  spares.reserve(found.size());
  for (auto& [since, spare] : found) {
    spares.push_back(std::move(spare));
  }
  return spares;
}

std::set<ObjectId> SlotDirectory::commits() const {
  std::set<ObjectId> commits;
  const auto names = list_directory(layout_.directory);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const auto commit = ObjectId::parse(name);
    if (const auto complete = commit ? commit : commit_of_spare(name)) {
      commits.insert(*complete);
    }
  }
  return commits;
}

Result<std::string> SlotDirectory::create_building_place(const ObjectId& commit) const {
  std::string place = new_place(std::string(kBuilding) + commit.hex() + ".");
  if (::mkdir(place.c_str(), 0755) != 0) {
    return fail(system_error(errno, "cannot create " + place));
  }
  return place;
}

Result<std::string> SlotDirectory::take(const Spare& spare, const ObjectId& commit) const {
  std::string place = new_place(std::string(kBuilding) + commit.hex() + ".");
  FRESHET_CHECK(rename_path(spare.place, place));
  // Its old name must not come back after a power failure, when it is of another commit.
  FRESHET_CHECK(sync_directory(layout_.directory));
  return place;
}

void SlotDirectory::discard(const Spare& spare) const {
  static_cast<void>(move_to_trash(spare.place));
}

Result<std::string> SlotDirectory::move_to_trash(const std::string& place) const {
  std::string trash = new_place(kTrash);
  FRESHET_CHECK(rename_path(place, trash));
  ::unlink((place + std::string(kRetired)).c_str());
  return trash;
}

Result<void> SlotDirectory::keep_as_spare(const std::string& tree, const ObjectId& commit) const {
  FRESHET_CHECK(rename_path(tree, spare_place(commit), RENAME_NOREPLACE));
  ::unlink((tree + std::string(kRetired)).c_str());
  return sync_directory(layout_.directory);
}

Result<void> SlotDirectory::promote(const std::string& building_place,
                                    const ObjectId& commit) const {
  FRESHET_CHECK(rename_path(building_place, layout_.slot(commit)));
  return sync_directory(layout_.directory);
}

Result<void> SlotDirectory::mark_retired(const std::string& name) const {
  const std::string mark = layout_.directory + "/" + name + std::string(kRetired);
  const UniqueFd fd(::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd || ::futimens(fd.get(), nullptr) != 0) {
    return fail(system_error(errno, "cannot create " + mark));
  }
  return {};
}

Result<void> SlotDirectory::switch_to(const ObjectId& commit) const {
  FRESHET_CHECK(check_link(layout_));
  ::unlink((layout_.slot(commit) + std::string(kRetired)).c_str());
  const std::optional<ObjectId> old = current();
  const std::string beside = layout_.directory + "/" + std::string(kLink) + random_hex(8);
  if (::symlink(layout_.target_of(commit).c_str(), beside.c_str()) != 0) {
    return fail(system_error(errno, "cannot create the link " + beside));
  }
  // Whatever somebody put there since the check stays.
  const unsigned flags = old ? 0U : RENAME_NOREPLACE;
  if (auto renamed = rename_path(beside, layout_.link, flags); !renamed) {
    ::unlink(beside.c_str());
    return renamed;
  }
  FRESHET_CHECK(sync_directory(layout_.parent));
  // The clock of the old tree starts only when nobody can newly arrive in it.
  return old && *old != commit ? mark_retired(old->hex()) : Result<void>();
}

std::map<std::string, WallTime> SlotDirectory::retired(
    const std::vector<std::string>& names) const {
  std::map<std::string, WallTime> retired;
  for (const std::string& name : names) {
    struct stat info {};
    if (name.ends_with(kRetired) && ::lstat((layout_.directory + "/" + name).c_str(), &info) == 0) {
      retired[name.substr(0, name.size() - kRetired.size())] = changed_at(info);
    }
  }
  return retired;
}

bool SlotDirectory::is_due(const ObjectId& commit, WallTime now, Duration keep_old) const {
  const auto marks = retired({commit.hex() + std::string(kRetired)});
  return has(commit) && current() != commit && !marks.empty() &&
         marks.begin()->second + keep_old <= now;
}

Result<SlotDirectory::Swept> SlotDirectory::sweep(WallTime now, Duration keep_old,
                                                  std::size_t most_spares) const {
  FRESHET_TRY(const auto names, list_directory(layout_.directory));
  SweepPlan plan = plan_sweep(names, retired(names), current(), now, keep_old, most_spares);
  for (const std::string& name : plan.mark_retired) {
    FRESHET_CHECK(mark_retired(name));
  }
  Swept swept{{}, std::move(plan.reuse), plan.next};
  for (const std::string& name : plan.remove) {
    std::string place = layout_.directory + "/" + name;
    if (!is_leftover(name)) {
      FRESHET_TRY(place, move_to_trash(place));
    }
    swept.trash.push_back(std::move(place));
  }
  return swept;
}

Result<UniqueFd> hold_tree(const std::string& tree) {
  return lock_tree(tree, LOCK_SH);
}

std::optional<CurrentTree> read_current(const std::string& checkout_path) {
  const Layout layout(checkout_path);
  struct stat info {};
  if (::lstat(layout.link.c_str(), &info) != 0) {
    return std::nullopt;
  }
  if (const auto target = read_link(layout.link)) {
    const auto commit = commit_of_target(layout, *target);
    return commit ? std::optional(CurrentTree{*commit, changed_at(info)}) : std::nullopt;
  }
  const auto state = read_in_place_state(layout);
  if (!state || !state->at || !state->to.empty() || !S_ISDIR(info.st_mode) ||
      ::lstat(in_place_state_file(layout).c_str(), &info) != 0) {
    return std::nullopt;
  }
  return CurrentTree{*state->at, changed_at(info)};
}

}  // namespace freshet::checkout
