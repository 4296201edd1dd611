#include "state/pauses.h"

#include <unistd.h>

#include <utility>

#include "base/files.h"
#include "base/json.h"

namespace freshet::state {

Result<std::unique_ptr<Pauses>> Pauses::open(std::string path) {
  Since since;
  if (::access(path.c_str(), F_OK) == 0) {
    const auto broken = [&](std::string_view why) {
      return fail(ErrorClass::config, path + " does not say which repositories are paused" +
                                          std::string(why) +
                                          "; mend it, or remove it to pause none");
    };
    const auto text = read_file(path);
    if (!text) {
      return broken(" (" + text.error().message + ")");
    }
    const auto json = Json::parse(*text);
    if (!json || !json->is_object() || !(*json)["paused"].is_array()) {
      return broken("");
    }
    for (const Json& entry : (*json)["paused"].items()) {
      const std::string name = entry["repository"].text();
      const auto at = entry["since"].integer();
      if (name.empty() || !at) {
        return broken("");
      }
      since[RepositoryName(name)] = from_unix_millis(*at);
    }
  }
  return std::unique_ptr<Pauses>(new Pauses(std::move(path), std::move(since)));
}

std::optional<WallTime> Pauses::since(const RepositoryName& name) const {
  const MutexLock lock(mutex_);
  const auto found = since_.find(name);
  return found == since_.end() ? std::nullopt : std::optional(found->second);
}

Pauses::Since Pauses::all() const {
  const MutexLock lock(mutex_);
  return since_;
}

Result<WallTime> Pauses::pause(const RepositoryName& name, WallTime at) {
  const MutexLock lock(file_mutex_);
  Since since = all();
  const auto [position, added] = since.emplace(name, at);
  const WallTime begun = position->second;
  if (added) {
    FRESHET_CHECK(replace(std::move(since)));
  }
  return begun;
}

Result<bool> Pauses::resume(const RepositoryName& name) {
  const MutexLock lock(file_mutex_);
  Since since = all();
  if (since.erase(name) == 0) {
    return false;
  }
  FRESHET_CHECK(replace(std::move(since)));
  return true;
}

Result<void> Pauses::replace(Since since) {
  Json paused = Json::array();
  for (const auto& [name, at] : since) {
    paused.push(Json::object({{"repository", name.text()}, {"since", to_unix_millis(at)}}));
  }
  FRESHET_CHECK(
      write_file_atomically(path_, Json::object({{"paused", std::move(paused)}}).dump(2) + "\n"));
  const MutexLock lock(mutex_);
  since_ = std::move(since);
  return {};
}

}  // namespace freshet::state
