#include "mirror/update_ref.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/subprocess.h"
#include "base/unique_fd.h"

namespace freshet::mirror {
namespace {

/// Up to here syncing one by one is quicker than the whole file system.
constexpr std::size_t kFewFiles = 64;
constexpr Duration kTimeLimit = std::chrono::minutes(10);

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const std::size_t end = text.rfind('\n');
  return std::string(end == std::string_view::npos ? text : text.substr(end + 1));
}

ErrorClass class_of(const ChildResult& result) {
  const auto says = [&](std::string_view text) {
    return result.error_text.find(text) != std::string::npos;
  };
  if (says("No space left on device") || says("Disk quota exceeded")) {
    return ErrorClass::no_space;
  }
  if (result.end == ChildResult::End::time_limit) {
    return ErrorClass::timeout;
  }
  if (says("Permission denied") || says("Read-only file system")) {
    return ErrorClass::config;
  }
  return says(".lock': File exists") ? ErrorClass::conflict : ErrorClass::corrupt;
}

enum class Sync { each, at_the_end };

Result<void> sync_file_system(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::syncfs(directory.get()) != 0) {
    return fail(system_error(errno, "cannot sync " + path));
  }
  return {};
}

Result<void> run(const GitPlace& place, std::string commands, Sync sync) {
  ChildSpec spec;
  spec.arguments = {"git", "--git-dir=" + place.mirror};
  if (sync == Sync::each) {
    spec.arguments.insert(spec.arguments.end(), {"-c", "core.fsync=reference"});
  }
  spec.arguments.insert(spec.arguments.end(), {"update-ref", "--no-deref", "--stdin"});
  spec.environment = place.environment.variables();
  spec.input = std::move(commands);
  spec.descriptors = {place.lock_descriptor};
  spec.time_limit = kTimeLimit;
  FRESHET_TRY(const ChildResult result, run_child(spec, CancelToken()));
  if (!result.succeeded()) {
    return fail(class_of(result),
                "cannot move the refs of " + place.mirror + ": " + last_line(result.error_text));
  }
  return sync == Sync::each ? Result<void>() : sync_file_system(place.mirror);
}

}  // namespace

Result<void> update_refs(const GitPlace& place, const std::map<RefName, ObjectId>& set) {
  if (set.empty()) {
    return {};
  }
  std::string commands;
  for (const auto& [ref, id] : set) {
    commands += "update " + ref.text() + " " + id.hex() + "\n";
  }
  // Each new ref is a file. What a power failure cuts before the end counts as missing later.
  return run(place, std::move(commands), set.size() > kFewFiles ? Sync::at_the_end : Sync::each);
}

Result<void> delete_refs(const GitPlace& place, const std::vector<RefName>& refs) {
  if (refs.empty()) {
    return {};
  }
  std::string commands;
  for (const RefName& ref : refs) {
    commands += "delete " + ref.text() + "\n";
  }
  // The one file that matters is packed-refs, which holds all the others.
  return run(place, std::move(commands), Sync::each);
}

}  // namespace freshet::mirror
