#include "app/service_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace freshet::app {

Result<std::optional<std::string>> become_service_user(const std::string& state_dir) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(state_dir.c_str(), &status) != 0 || status.st_uid == 0) {
    return std::nullopt;
  }
  const passwd* user = ::getpwuid(status.st_uid);  // NOLINT(concurrency-mt-unsafe): no threads yet
  if (user == nullptr) {
    return std::nullopt;
  }
  const std::string name = user->pw_name;
  const std::string home = user->pw_dir;
  if (::initgroups(name.c_str(), user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 ||
      ::setuid(status.st_uid) != 0) {
    return fail(system_error(errno, "cannot look as the user " + name));
  }
  ::setenv("HOME", home.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no threads yet
  return name;
}

}  // namespace freshet::app
