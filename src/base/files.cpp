#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>

namespace freshet {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Result<std::vector<std::string>> names_in(int fd, const std::string& path_for_errors) {
  const Directory directory(::fdopendir(fd));
  if (!directory) {
    ::close(fd);
    return fail(system_error(errno, "cannot list " + path_for_errors));
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    // The stream belongs to this call alone.
    const dirent* entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) {
      break;
    }
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  if (errno != 0) {
    return fail(system_error(errno, "cannot list " + path_for_errors));
  }
  return names;
}

Result<void> remove_entry(int parent, const std::string& name, const std::string& shown) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
    return {};
  }
  if (errno != EISDIR && errno != EPERM) {
    return fail(system_error(errno, "cannot remove " + shown));
  }
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return fail(system_error(errno, "cannot remove " + shown));
  }
  const UniqueFd directory(fd);
  const int listing = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (listing < 0) {
    return fail(system_error(errno, "cannot remove " + shown));
  }
  FRESHET_TRY(const auto names, names_in(listing, shown));
  for (const std::string& child : names) {
    FRESHET_CHECK(remove_entry(fd, child, shown + "/" + child));
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail(system_error(errno, "cannot remove " + shown));
  }
  return {};
}

Result<UniqueFd> create_with(const std::string& path, std::string_view content, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) {
    return fail(system_error(errno, "cannot create " + path));
  }
  FRESHET_CHECK(write_all(fd.get(), content, path));
  return fd;
}

Result<std::string> read_all(int fd, const std::string& path, std::size_t limit) {
  std::string content;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail(system_error(errno, "cannot read " + path));
    }
    if (count == 0) {
      return content;
    }
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return fail(ErrorClass::config, path + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  // Opening a pipe would wait for who writes it.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return fail(system_error(errno, "cannot open " + path));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorClass::config, "cannot read " + path + ": it is no regular file");
  }
  return read_all(fd.get(), path, limit);
}

Result<std::string> read_any_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return fail(system_error(errno, "cannot open " + path));
  }
  return read_all(fd.get(), path, limit);
}

Result<void> write_all(int fd, std::string_view content, std::string_view path_for_errors) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail(system_error(errno, "cannot write " + std::string(path_for_errors)));
    }
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view content,
                                   unsigned mode) {
  static std::atomic<unsigned> counter{0};
  const std::string beside =
      path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
  const auto write = [&]() -> Result<void> {
    FRESHET_TRY(const UniqueFd fd, create_with(beside, content, mode));
    if (::fsync(fd.get()) != 0) {
      return fail(system_error(errno, "cannot sync " + beside));
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) {
      return fail(system_error(errno, "cannot replace " + path));
    }
    return {};
  };
  if (auto written = write(); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  return sync_directory(parent_path(path));
}

Result<void> write_new_file(const std::string& path, std::string_view content, unsigned mode) {
  FRESHET_CHECK(create_with(path, content, mode));
  return {};
}

Result<void> make_directories(const std::string& path) {
  if (path.empty() || path == "/") {
    return {};
  }
  if (::mkdir(path.c_str(), 0755) == 0) {
    return {};
  }
  if (errno == ENOENT) {
    FRESHET_CHECK(make_directories(parent_path(path)));
    if (::mkdir(path.c_str(), 0755) == 0) {
      return {};
    }
  }
  const int reason = errno;
  if (reason == EEXIST && is_directory(path)) {
    return {};
  }
  return fail(system_error(reason, "cannot create the directory " + path));
}

Result<void> sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) {
    return fail(system_error(errno, "cannot sync the directory " + path));
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  return remove_entry(AT_FDCWD, path, path);
}

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return fail(system_error(errno, "cannot list " + path));
  }
  FRESHET_TRY(auto names, names_in(fd, path));
  std::sort(names.begin(), names.end());
  return names;
}

std::string absolute_path(std::string_view path) {
  std::string full;
  if (!path.starts_with('/')) {
    std::array<char, 4096> buffer{};
    if (::getcwd(buffer.data(), buffer.size()) != nullptr) {
      full = buffer.data();
    }
  }
  std::string result;
  full += '/';
  full += path;
  std::size_t begin = 0;
  while (begin < full.size()) {
    const std::size_t end = std::min(full.find('/', begin), full.size());
    const std::string_view part = std::string_view(full).substr(begin, end - begin);
    if (!part.empty() && part != ".") {
      result += '/';
      result += part;
    }
    begin = end + 1;
  }
  return result.empty() ? "/" : result;
}

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace freshet
