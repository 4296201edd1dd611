#include "app/closed_places.h"

#include <unistd.h>

#include <cerrno>

#include "base/files.h"

namespace freshet::app {
namespace {

/// The directory that publishing at `path` has to write in: the one around it, or the nearest above
/// that is there.
std::string directory_around(const std::string& path) {
  std::string directory = parent_path(path);
  while (directory != "/" && ::access(directory.c_str(), F_OK) != 0 && errno == ENOENT) {
    directory = parent_path(directory);
  }
  return directory;
}

}  // namespace

std::vector<std::string> closed_places(const config::Settings& settings) {
  std::vector<std::string> problems;
  for (const config::Repository& repository : settings.repositories) {
    for (const config::Checkout& checkout : repository.checkouts) {
      if (checkout.mode == config::CheckoutMode::in_place && is_directory(checkout.path)) {
        continue;  // only the first time anything is made beside it
      }
      const std::string directory = directory_around(checkout.path);
      if (::access(directory.c_str(), W_OK | X_OK) != 0) {
        problems.push_back(checkout.path + " cannot be published: " +
                           system_error(errno, "no writing in " + directory).message);
      }
    }
  }
  return problems;
}

}  // namespace freshet::app
