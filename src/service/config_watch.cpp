#include "service/config_watch.h"

#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/files.h"

namespace freshet::service {
namespace {

constexpr Duration kQuiet{250};
constexpr Duration kWriting = std::chrono::seconds(5);
constexpr Duration kLook = std::chrono::seconds(5);
constexpr int kMostLinks = 16;
constexpr std::uint32_t kEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO |
                                  IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// nullopt: no symbolic link.
std::optional<std::string> link_target(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::optional(std::string(target.data(), static_cast<std::size_t>(size)))
                  : std::nullopt;
}

/// A directory, and a name in it whose change can make a path lead to another file.
using Place = std::pair<std::string, std::string>;

/// The first symbolic link of the path, and the path with what it stands for in its place.
struct Step {
  Place link;
  std::string path;
};
std::optional<Step> follow_first_link(const std::string& path) {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    const std::size_t end = path.find('/', slash + 1);
    const std::string front = path.substr(0, end);
    if (const auto target = link_target(front)) {
      const std::string directory = parent_path(front);
      const std::string rest = end == std::string::npos ? "" : path.substr(end);
      const std::string there = target->starts_with('/') ? *target : directory + "/" + *target;
      return Step{{directory, base_name(front)}, there + rest};
    }
    slash = end;
  }
  return std::nullopt;
}

std::vector<Place> places_on_the_way(std::string path) {
  std::vector<Place> places;
  for (int i = 0; i < kMostLinks; ++i) {
    const auto step = follow_first_link(path);
    if (!step) {
      break;
    }
    places.push_back(step->link);
    path = step->path;
  }
  places.emplace_back(parent_path(path), base_name(path));
  return places;
}

}  // namespace

FileIdentity FileIdentity::of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return {};
  }
  return {info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

ConfigWatch::ConfigWatch(const std::string& path, FileIdentity known)
    : path_(absolute_path(path)),
      known_(known),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      look_again_(now()) {
  watch_the_way();
}

Instant ConfigWatch::next_look() const {
  return settled_at_ ? std::min(*settled_at_, look_again_) : look_again_;
}

bool ConfigWatch::changed(Instant now) {
  take_events(now);
  if (settled_at_ ? now < *settled_at_ : now < look_again_) {
    return false;
  }
  settled_at_.reset();
  look_again_ = now + kLook;
  watch_the_way();
  const FileIdentity current = FileIdentity::of(path_);
  // A file that is gone for a moment is about to be replaced.
  if (current == known_ || current == FileIdentity()) {
    return false;
  }
  known_ = current;
  return true;
}

void ConfigWatch::take_events(Instant now) {
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) {
      return;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      const std::string name(event.len == 0 ? "" : buffer.data() + at - event.len);
      const auto names = names_.find(event.wd);
      if (names != names_.end() && names->second.count(name) == 0) {
        continue;
      }
      // Who writes bytes closes the file when it is complete.
      const bool complete = (event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
      const bool writing = (event.mask & IN_MODIFY) != 0;
      const Instant settled = now + (writing ? kWriting : kQuiet);
      settled_at_ = complete ? settled : std::max(settled, settled_at_.value_or(settled));
    }
  }
}

void ConfigWatch::watch_the_way() {
  if (!inotify_) {
    return;
  }
  std::map<int, std::set<std::string>> names;
  for (const auto& [directory, name] : places_on_the_way(path_)) {
    const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
    if (watch >= 0) {
      names[watch].insert(name);
    }
  }
  for (const auto& [watch, unused] : names_) {
    if (names.count(watch) == 0) {
      ::inotify_rm_watch(inotify_.get(), watch);
    }
  }
  names_.swap(names);
}

}  // namespace freshet::service
