#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

#include "base/files.h"

namespace freshet {
namespace {

std::string read_holder(const std::string& path) {
  auto text = read_file(path, 64);
  if (!text || text->empty()) {
    return "another process";
  }
  while (text->ends_with('\n')) {
    text->pop_back();
  }
  return "process " + *text;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, Duration patience) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) {
    return fail(system_error(errno, "cannot open the lock " + path));
  }
  const Instant deadline = now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      if (now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      return fail(ErrorClass::conflict, path + " is held by " + read_holder(path));
    }
    return fail(system_error(errno, "cannot lock " + path));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(system_error(errno, "cannot write the lock " + path));
  }
  return FileLock(std::move(fd));
}

std::string FileLock::holder(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
    return "";
  }
  return read_holder(path);
}

}  // namespace freshet
