#include "base/secret_cache.h"

#include <optional>
#include <tuple>

#include "base/clock.h"

namespace freshet {
namespace {

std::optional<struct stat> look_at(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? std::optional(info) : std::nullopt;
}

bool is_same(const struct stat& a, const struct stat& b) {
  const auto all = [](const struct stat& s) {
    return std::tie(s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec,
                    s.st_ctim.tv_sec, s.st_ctim.tv_nsec);
  };
  return all(a) == all(b);
}

/// Times go in steps: what was changed just now could be changed again and look the same.
bool is_settled(const struct stat& file) {
  constexpr std::chrono::seconds kStep{2};
  return wall_now() - WallTime(std::chrono::seconds(file.st_ctim.tv_sec)) > kStep;
}

}  // namespace

Result<Secret> SecretCache::read(const std::string& location) {
  const auto path = secret_path(location);
  const auto before = path ? look_at(*path) : std::nullopt;
  {
    const MutexLock lock(mutex_);
    const auto known = known_.find(location);
    if (before && known != known_.end() && is_same(known->second.file, *before)) {
      return known->second.secret;
    }
  }
  auto secret = read_secret(location);
  const auto after = path ? look_at(*path) : std::nullopt;
  const MutexLock lock(mutex_);
  if (secret && before && after && is_same(*before, *after) && is_settled(*after)) {
    known_.insert_or_assign(location, Known{*after, *secret});
  } else {
    known_.erase(location);
  }
  return secret;
}

}  // namespace freshet
