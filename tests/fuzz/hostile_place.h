#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "checkout/worktree.h"
#include "hostile_objects.h"

/// The directory that a hostile repository is let loose in, and what must not happen there.
namespace freshet::fuzz {

struct Seen {
  mode_t mode = 0;
  std::string content;  ///< of a file, or where a link leads
  bool operator==(const Seen&) const = default;
};
using Snapshot = std::map<std::string, Seen>;

inline void look_below(int directory, const std::string& prefix, Snapshot& snapshot) {
  DIR* stream = ::fdopendir(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  require(stream != nullptr, "a directory can be listed");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
    names.emplace_back(static_cast<const char*>(entry->d_name));
  }
  ::closedir(stream);
  for (const std::string& name : names) {
    const std::string path = prefix + name;
    struct stat info {};
    if (name == "." || name == ".." || path == ".git") {
      continue;
    }
    require(::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0, "it is there");
    Seen& seen = snapshot[path];
    seen.mode = info.st_mode;
    if (S_ISLNK(info.st_mode)) {
      seen.content.resize(8192);
      const ssize_t size =
          ::readlinkat(directory, name.c_str(), seen.content.data(), seen.content.size());
      seen.content.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    } else if (S_ISREG(info.st_mode)) {
      const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      seen.content.resize(static_cast<std::size_t>(info.st_size));
      require(::read(file.get(), seen.content.data(), seen.content.size()) == info.st_size,
              "a file can be read");
    } else if (S_ISDIR(info.st_mode)) {
      const UniqueFd below(
          ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      look_below(below.get(), path + "/", snapshot);
    }
  }
}

/// Everything below a directory or below what a link to one leads to, without .git at the top. No
/// link in it is followed. Empty when there is none.
inline Snapshot snapshot_of(const std::string& path) {
  Snapshot snapshot;
  const UniqueFd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root) {
    look_below(root.get(), "", snapshot);
  }
  return snapshot;
}

/// As every command of the program has it.
inline void set_up_process() {
  ::umask(022);
  ::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  log::configure(log::Level::error, log::Format::text);
}

/// In memory. Gone with the process, unless that crashes.
class Place {
 public:
  Place() : root_(made_root()), store_(mirror() + "/objects") {
    must_do(make_directories(outside() + "/folder"));
    must_do(write_new_file(outside() + "/mine", "mine"));
    must_do(write_new_file(outside() + "/folder/config", "mine too"));
    for (const char* folder : {"/refs/heads", "/refs/tags"}) {
      must_do(make_directories(mirror() + folder));
    }
    must_do(write_new_file(mirror() + "/HEAD", "ref: refs/heads/main\n"));
    must_do(write_new_file(mirror() + "/config",
                           "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"));
    store_.clear();
    outside_is_known();
  }
  ~Place() { static_cast<void>(remove_tree(root_)); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// Whatever the run before left.
  void begin() {
    for (const char* folder : {"/www", "/mirror.git/worktrees", "/mirror.git/refs/freshet"}) {
      must_do(remove_tree(root_ + folder));
    }
    must_do(make_directories(root_ + "/www"));
    if (store_.size() > 5000) {
      store_.clear();
    }
  }

  /// It is as it shall stay.
  void outside_is_known() { untouched_ = look_outside(); }
  void forget_mirror() const { must_do(remove_tree(mirror())); }

  ObjectStore& store() { return store_; }
  std::string outside() const { return root_ + "/outside"; }
  std::string mirror() const { return root_ + "/mirror.git"; }
  std::string published() const { return root_ + "/www/docs"; }
  std::string tree() const { return published(); }
  std::string other() const { return root_ + "/www/other"; }
  void remove_other() const {
    must_do(remove_tree(other()));
    must_do(remove_tree(root_ + "/www/.other.freshet"));
  }

  /// Nothing but the checkout and what belongs to it has changed.
  void check_outside() const {
    require(look_outside() == untouched_, "nothing happens outside of the tree");
    const auto top = list_directory(root_);
    require(top && *top == std::vector<std::string>{"mirror.git", "outside", "www"},
            "nothing appears beside");
  }

  /// Nothing that was under way is left, here or in the mirror. What a publication throws away is
  /// left to the next sweep.
  void check_leftovers(bool is_swept = false) const {
    const auto names = list_directory(root_ + "/www");
    require(names && std::all_of(names->begin(), names->end(),
                                 [](const std::string& name) {
                                   return name == "docs" || name == ".docs.freshet";
                                 }),
            "nothing appears beside the tree");
    std::set<std::string> folders;
    const std::string slots = root_ + "/www/.docs.freshet";
    note_folder(published(), folders);
    const auto slot_names = list_directory(slots);
    for (const std::string& name : slot_names ? *slot_names : std::vector<std::string>()) {
      require(!name.starts_with("tmp.") && !name.starts_with("link.") &&
                  !(is_swept && name.starts_with("trash.")) &&
                  name.find(".tmp.") == std::string::npos,
              ("left behind: " + name).c_str());
      note_folder(slots + "/" + name, folders);
    }
    const auto known = list_directory(mirror() + "/worktrees");
    for (const std::string& name : known ? *known : std::vector<std::string>()) {
      require(folders.count(mirror() + "/worktrees/" + name) != 0,
              "the mirror knows no tree that is gone");
    }
  }

 private:
  static void must_do(const Result<void>& done) {
    require(done.has_value(), done ? "" : done.error().message.c_str());
  }

  static std::string made_root() {
    set_up_process();
    std::string pattern = "/dev/shm/freshet-fuzz-XXXXXX";
    require(::mkdtemp(pattern.data()) != nullptr, "a directory can be made");
    return pattern;
  }

  static void note_folder(const std::string& tree, std::set<std::string>& folders) {
    folders.insert(checkout::worktree_folder(tree));
  }

  /// With when everything changed: also a change that was taken back shows.
  std::map<std::string, std::string> look_outside() const {
    std::map<std::string, std::string> seen;
    for (const char* name : {"", "/mine", "/folder", "/folder/config"}) {
      struct stat info {};
      require(::lstat((outside() + name).c_str(), &info) == 0, "what is outside is there");
      seen[name] = std::to_string(info.st_ino) + " " + std::to_string(info.st_mode) + " " +
                   std::to_string(info.st_nlink) + " " + std::to_string(info.st_ctim.tv_sec) + "." +
                   std::to_string(info.st_ctim.tv_nsec);
    }
    return seen;
  }

  const std::string root_;
  ObjectStore store_;
  std::map<std::string, std::string> untouched_;
};

}  // namespace freshet::fuzz
