#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet {

/// The whole file, at once: what could keep its reader waiting, as a pipe does, is not read. Error
/// config: no regular file, or larger than `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64U << 20U);

/// The same of whatever a person names, a pipe or terminal too: blocks until all was written.
Result<std::string> read_any_file(const std::string& path, std::size_t limit = 64U << 20U);

/// Replaces `path` so that a reader, or a crash at any instant, finds the old or the new content:
/// written beside, synced, renamed, directory synced.
Result<void> write_file_atomically(const std::string& path, std::string_view content,
                                   unsigned mode = 0644);

/// Creates a file that must not exist. Not synced.
Result<void> write_new_file(const std::string& path, std::string_view content,
                            unsigned mode = 0644);

/// Creates a directory and its missing parents with mode 0755 (the umask counts). An existing
/// directory is fine.
Result<void> make_directories(const std::string& path);

/// Writes all of it, going on after interruptions.
Result<void> write_all(int fd, std::string_view content, std::string_view path_for_errors);

/// Makes renames inside the directory survive a power failure.
Result<void> sync_directory(const std::string& path);

/// Removes a file or a whole tree without following a symbolic link. Missing: fine.
Result<void> remove_tree(const std::string& path);

bool path_exists(const std::string& path);  ///< a dangling symbolic link exists too
bool is_directory(const std::string& path);

/// Names in a directory without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);

/// "/a//b/./c/" becomes "/a/b/c"; ".." is kept. Relative paths are taken from the working
/// directory.
std::string absolute_path(std::string_view path);
std::string parent_path(const std::string& path);  ///< of an absolute path without a trailing slash
std::string base_name(const std::string& path);

}  // namespace freshet
