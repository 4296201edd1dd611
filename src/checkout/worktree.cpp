#include "checkout/worktree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/hmac.h"

namespace freshet::checkout {
namespace {

constexpr std::string_view kGitFile = "gitdir: ";
constexpr std::string_view kCommon = "../..";

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::string folders_of(const std::string& mirror_path) {
  return mirror_path + "/worktrees";
}

/// How the folders of trees at or below a directory begin, so that one which a crash left without
/// anything in it is known again.
std::string prefix_of(const std::string& directory) {
  return "freshet-" + to_hex(sha1(directory)).substr(0, 8) + "-";
}

/// For a tree in a slot directory, or for one that is published in place.
std::string new_folder(const std::string& mirror_path, const std::string& tree) {
  const std::string above = parent_path(tree);
  const std::string directory = above.ends_with(".freshet") ? above : tree;
  return folders_of(mirror_path) + "/" + prefix_of(directory) + random_hex(8);
}

/// What we wrote last. git's own copy is replaced by whoever runs git in the tree.
constexpr const char* kRecord = "/freshet-index";
constexpr std::size_t kLargestIndex = std::size_t{2} << 30U;

/// As every index ends: with the digest of what is before it, or with zeros where a person told git
/// to leave it out.
bool is_whole_index(std::string_view bytes) {
  constexpr std::size_t kDigest = 20;
  if (bytes.size() < kDigest || !bytes.starts_with("DIRC")) {
    return false;
  }
  const std::string_view digest = bytes.substr(bytes.size() - kDigest);
  return digest == std::string(kDigest, '\0') ||
         digest == sha1(bytes.substr(0, bytes.size() - kDigest));
}

Result<std::string> read_whole_index(const std::string& path) {
  FRESHET_TRY(std::string bytes, read_file(path, kLargestIndex));
  if (!is_whole_index(bytes)) {
    return fail(ErrorClass::corrupt, path + " is damaged");
  }
  return bytes;
}

/// Whether one of the trees in `directory`, or the directory itself, uses the folder.
bool is_used(const std::string& folder, const std::string& directory) {
  const auto names = list_directory(directory);
  return worktree_folder(directory) == folder ||
         (names && std::any_of(names->begin(), names->end(), [&](const std::string& name) {
            return worktree_folder(directory + "/" + name) == folder;
          }));
}

Result<void> sync_path(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd || ::fsync(fd.get()) != 0) {
    return fail(system_error(errno, "cannot sync " + path));
  }
  return {};
}

Result<void> write_folder(const std::string& folder, const std::string& final_path,
                          const ObjectId& commit, std::string_view index) {
  FRESHET_CHECK(make_directories(folder));
  FRESHET_CHECK(write_new_file(folder + "/commondir", std::string(kCommon) + "\n"));
  FRESHET_CHECK(write_new_file(folder + "/gitdir", final_path + "/.git\n"));
  FRESHET_CHECK(write_new_file(folder + "/HEAD", commit.hex() + "\n"));
  FRESHET_CHECK(write_new_file(folder + "/index", index));
  if (::link((folder + "/index").c_str(), (folder + kRecord).c_str()) != 0) {
    FRESHET_CHECK(write_new_file(folder + kRecord, index));
  }
  for (const char* name : {"/index", kRecord, "/commondir", "/gitdir", "/HEAD", "", "/.."}) {
    FRESHET_CHECK(sync_path(folder + name));
  }
  return {};
}

Result<void> write_git_file(const std::string& tree, const std::string& beside,
                            const std::string& folder) {
  FRESHET_CHECK(remove_tree(beside));
  FRESHET_CHECK(write_new_file(beside, std::string(kGitFile) + folder + "\n"));
  FRESHET_CHECK(sync_path(beside));
  if (::rename(beside.c_str(), (tree + "/.git").c_str()) != 0) {
    return fail(system_error(errno, "cannot replace " + tree + "/.git"));
  }
  return sync_path(tree);
}

}  // namespace

Result<void> attach_worktree(const std::string& mirror_path, const std::string& tree,
                             const std::string& final_path, const ObjectId& commit,
                             std::string_view index) {
  const std::string folder = new_folder(mirror_path, final_path);
  auto written = write_folder(folder, final_path, commit, index);
  if (written) {
    written = write_new_file(tree + "/.git", std::string(kGitFile) + folder + "\n");
  }
  for (const char* name : {"/.git", ""}) {
    if (written) {
      written = sync_path(tree + name);
    }
  }
  if (!written) {
    static_cast<void>(remove_tree(folder));
  }
  return written;
}

std::string worktree_folder(const std::string& tree) {
  const auto text = read_file(tree + "/.git", 8192);
  if (!text || !text->starts_with(kGitFile)) {
    return "";
  }
  return trimmed(text->substr(kGitFile.size()));
}

Result<void> replace_worktree(const std::string& mirror_path, const std::string& tree,
                              const ObjectId& commit, std::string_view index,
                              const std::string& beside) {
  const std::string old = worktree_folder(tree);
  const std::string folder = new_folder(mirror_path, tree);
  auto written = write_folder(folder, tree, commit, index);
  if (written) {
    written = write_git_file(tree, tree + "/" + beside, folder);
  }
  if (!written) {
    static_cast<void>(remove_tree(folder));
    return written;
  }
  return parent_path(old) == folders_of(mirror_path) ? remove_tree(old) : Result<void>();
}

Result<std::string> read_record(const std::string& tree) {
  return read_whole_index(worktree_folder(tree) + kRecord);
}

Result<void> move_worktree(const std::string& tree, const std::string& final_path) {
  const std::string path = worktree_folder(tree) + "/gitdir";
  const std::string way_back = final_path + "/.git\n";
  return read_file(path, 8192).value_or("") == way_back ? Result<void>()
                                                        : write_file_atomically(path, way_back);
}

bool is_attached(const std::string& mirror_path, const std::string& tree, const ObjectId& commit) {
  const std::string folder = worktree_folder(tree);
  if (parent_path(folder) != folders_of(mirror_path)) {
    return false;
  }
  for (const char* name : {"/index", kRecord}) {
    if (!path_exists(folder + name) || is_directory(folder + name)) {
      return false;
    }
  }
  const auto content = [&](const char* name) {
    return trimmed(read_file(folder + name, 8192).value_or(""));
  };
  return content("/HEAD") == commit.hex() && content("/commondir") == kCommon &&
         content("/gitdir").ends_with("/.git");
}

bool is_sound(const std::string& mirror_path, const std::string& tree, const ObjectId& commit) {
  return is_attached(mirror_path, tree, commit) && read_record(tree) &&
         read_whole_index(worktree_folder(tree) + "/index");
}

Result<void> detach_worktree(const std::string& mirror_path, const std::string& tree) {
  const std::string folder = worktree_folder(tree);
  FRESHET_CHECK(remove_tree(tree + "/.git"));
  // Only a folder that lies where ours do: the text could say anything.
  return parent_path(folder) == folders_of(mirror_path) ? remove_tree(folder) : Result<void>();
}

Result<void> prune_worktrees(const std::string& mirror_path, const std::string& directory) {
  const std::string folders = folders_of(mirror_path);
  if (!is_directory(folders)) {
    return {};
  }
  const std::string prefix = prefix_of(directory);
  FRESHET_TRY(const auto names, list_directory(folders));
  for (const std::string& name : names) {
    const std::string folder = folders + "/" + name;
    const std::string way_back = trimmed(read_file(folder + "/gitdir", 8192).value_or(""));
    const bool is_whole = way_back.ends_with("/.git");  // a crash can leave an empty one
    const std::string tree = is_whole ? parent_path(way_back) : "";
    const bool is_below = is_whole && (tree + "/").starts_with(directory + "/");
    // What was damaged says another way back, or none.
    if (is_below ? worktree_folder(tree) != folder
                 : name.starts_with(prefix) && !is_used(folder, directory)) {
      FRESHET_CHECK(remove_tree(folder));
    }
  }
  return {};
}

}  // namespace freshet::checkout
