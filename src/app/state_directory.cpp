#include "app/state_directory.h"

#include <utility>

#include "app/specs.h"
#include "app/upstreams.h"
#include "base/files.h"
#include "mirror/git2.h"
#include "remote/ssh_command.h"

namespace freshet::app {
namespace {

/// What cannot be worked around is told with what to do, since only a person puts it there.
Result<void> check_places(const StateLayout& layout) {
  const std::string ssh = layout.root + "/ssh";
  for (const std::string& folder : {layout.mirrors, layout.journal, ssh}) {
    if (path_exists(folder) && !is_directory(folder)) {
      return fail(ErrorClass::config, folder + " is no directory, but freshet keeps files in it; " +
                                          "move it away, and start freshet again");
    }
  }
  for (const std::string& file : {layout.lock, layout.root + "/git.config"}) {
    if (is_directory(file)) {
      return fail(ErrorClass::config, file + " is a directory, but freshet keeps a file there; " +
                                          "move it away, and start freshet again");
    }
  }
  return {};
}

}  // namespace

StateDirectory::StateDirectory(FileLock lock, GitEnvironment git, std::string ssh_connections,
                               std::unique_ptr<remote::CurlClient> http)
    : lock_(std::move(lock)),
      git_(std::move(git)),
      ssh_connections_(std::move(ssh_connections)),
      http_(std::move(http)) {}

StateDirectory::~StateDirectory() {
  if (http_) {
    remote::end_shared_connections(ssh_connections_, git_);
  }
}

Result<StateDirectory> StateDirectory::take(const std::string& path) {
  FRESHET_CHECK(make_directories(path));
  const StateLayout layout(path);
  FRESHET_CHECK(check_places(layout));
  FRESHET_TRY(FileLock lock, FileLock::acquire(layout.lock));
  mirror::git2::initialize();
  FRESHET_TRY(GitEnvironment git, GitEnvironment::prepare(path));
  FRESHET_TRY(std::string ssh_connections, remote::make_control_directory(path));
  FRESHET_TRY(auto http, start_upstream_client());
  return StateDirectory(std::move(lock), std::move(git), std::move(ssh_connections),
                        std::move(http));
}

}  // namespace freshet::app
