#include "mirror/layout.h"

#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "base/files.h"
#include "model/ids.h"

namespace freshet::mirror {
namespace {

/// No extensions.*: libgit2 then refuses the repository. trustctime: linked trees share their files
/// by hard links, and a new link changes the ctime. No core.sharedRepository, although who may read
/// the published tree may read its history: the process's umask of 022 does that, while with the
/// setting git gives directories a set-group-id bit, which RestrictSUIDSGID= of the unit forbids.
constexpr std::string_view kConfiguration =
    "# Written by freshet; changes are lost.\n"
    "[core]\n"
    "  repositoryformatversion = 0\n"
    "  filemode = true\n"
    "  bare = true\n"
    "  logAllRefUpdates = false\n"
    "  trustctime = false\n"
    "[gc]\n"
    "  worktreePruneExpire = never\n"
    "[maintenance]\n"
    "  auto = false\n"
    "[transfer]\n"
    "  hideRefs = refs/freshet/incoming\n"
    "  hideRefs = refs/freshet/slots\n";
constexpr std::string_view kFirstHead = "ref: refs/heads/main\n";

bool has_content(const std::string& path, std::string_view expected) {
  const auto content = read_file(path, 65536);
  return content && *content == expected;
}

/// A power failure can leave HEAD empty; with any other damage it could not be read either.
bool is_head(const std::string& path) {
  constexpr std::string_view kBefore = "ref: ";
  const auto content = read_file(path, 4096);
  return content && content->ends_with('\n') && content->starts_with("ref: refs/") &&
         parse_ref(std::string_view(*content).substr(kBefore.size(),
                                                     content->size() - kBefore.size() - 1));
}

/// Links are not followed; 0: nothing is there.
mode_t type_of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & S_IFMT : 0;
}

/// A file where a folder belongs, or the other way round, stops all of git. Nobody but us puts
/// anything there, so that it cannot be anybody's.
Result<void> remove_misplaced(const std::string& mirror) {
  for (const char* folder : {"/objects", "/objects/info", "/objects/pack", "/refs", "/refs/heads",
                             "/refs/tags", "/worktrees"}) {
    if (type_of(mirror + folder) == S_IFREG) {
      FRESHET_CHECK(remove_tree(mirror + folder));
    }
  }
  for (const char* file : {"/config", "/HEAD", "/packed-refs", "/shallow", "/freshet.checked"}) {
    if (type_of(mirror + file) == S_IFDIR) {
      FRESHET_CHECK(remove_tree(mirror + file));
    }
  }
  return {};
}

}  // namespace

Result<void> make_readable_directory(const std::string& path) {
  if (is_directory(path)) {
    return {};
  }
  FRESHET_CHECK(make_directories(path));
  if (::chmod(path.c_str(), 0755) != 0) {
    return fail(system_error(errno, "cannot set the mode of " + path));
  }
  return {};
}

Result<void> complete_layout(const std::string& mirror) {
  FRESHET_CHECK(remove_misplaced(mirror));
  for (const char* folder :
       {"/objects", "/objects/info", "/objects/pack", "/refs", "/refs/heads", "/refs/tags"}) {
    FRESHET_CHECK(make_readable_directory(mirror + folder));
  }
  if (!has_content(mirror + "/config", kConfiguration)) {
    FRESHET_CHECK(write_file_atomically(mirror + "/config", kConfiguration));
  }
  // Last, because git takes a directory without HEAD for no repository.
  if (!is_head(mirror + "/HEAD")) {
    FRESHET_CHECK(write_file_atomically(mirror + "/HEAD", kFirstHead));
  }
  return {};
}

}  // namespace freshet::mirror
