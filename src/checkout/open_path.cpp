#include "checkout/open_path.h"

#include <fcntl.h>

#include <algorithm>

namespace freshet::checkout {

int OpenPath::enter(std::string_view directory) {
  if (directory == path_) {
    return levels_.empty() ? root_ : levels_.back().fd.get();
  }
  const auto contains = [&](std::size_t size) {
    return size <= directory.size() && path_.compare(0, size, directory, 0, size) == 0 &&
           (size == directory.size() || directory[size] == '/');
  };
  while (!levels_.empty() && !contains(levels_.back().size)) {
    levels_.pop_back();
  }
  path_.resize(levels_.empty() ? 0 : levels_.back().size);
  while (path_.size() < directory.size()) {
    const std::size_t begin = path_.empty() ? 0 : path_.size() + 1;
    const std::size_t end = std::min(directory.find('/', begin), directory.size());
    const std::string name(directory.substr(begin, end - begin));
    UniqueFd fd(::openat(levels_.empty() ? root_ : levels_.back().fd.get(), name.c_str(),
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      return -1;
    }
    path_ = directory.substr(0, end);
    levels_.push_back({path_.size(), std::move(fd)});
  }
  return levels_.empty() ? root_ : levels_.back().fd.get();
}

SplitPath split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {"", path};
  }
  return {std::string_view(path).substr(0, slash), path.substr(slash + 1)};
}

}  // namespace freshet::checkout
