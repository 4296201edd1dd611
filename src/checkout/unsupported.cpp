#include "checkout/unsupported.h"

#include <algorithm>

#include "checkout/tree_diff.h"
#include "mirror/commit_links.h"
#include "mirror/git2.h"

namespace freshet::checkout {
namespace {

namespace git2 = mirror::git2;

constexpr std::size_t kMostNamed = 5;

template <class Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
      line.remove_prefix(1);
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.remove_suffix(1);
    }
    if (!line.empty() && line.front() != '#' && line.front() != ';') {
      take(line);
    }
  }
}

/// Whether one of the words behind the pattern begins so.
bool has_attribute(std::string_view line, std::string_view attribute) {
  for (std::size_t at = line.find_first_of(" \t"); at != std::string_view::npos;
       at = line.find_first_of(" \t", at + 1)) {
    if (line.substr(at + 1).starts_with(attribute)) {
      return true;
    }
  }
  return false;
}

std::string text_of(git_repository* repository, const git_tree* root, const char* name) {
  const git_tree_entry* entry = git_tree_entry_byname(root, name);
  if (entry == nullptr || git_tree_entry_type(entry) != GIT_OBJECT_BLOB) {
    return "";
  }
  const auto blob = git2::lookup_blob(repository, *git_tree_entry_id(entry));
  if (!blob) {
    return "";
  }
  const auto size = static_cast<std::size_t>(git_blob_rawsize(blob->get()));
  return {static_cast<const char*>(git_blob_rawcontent(blob->get())), size};
}

bool is_submodule(const git_tree* root, const std::string& path) {
  git_tree_entry* raw = nullptr;
  if (git_tree_entry_bypath(&raw, root, path.c_str()) != 0) {
    return false;
  }
  const bool found = git_tree_entry_filemode_raw(raw) == kSubmoduleMode;
  git_tree_entry_free(raw);
  return found;
}

std::string sentence_about(const std::vector<std::string>& submodules) {
  std::string text = submodules.size() == 1 ? "a submodule is an empty directory: "
                                            : "submodules are empty directories: ";
  for (std::size_t i = 0; i < std::min(submodules.size(), kMostNamed); ++i) {
    text += (i > 0 ? ", " : "") + submodules[i];
  }
  return submodules.size() <= kMostNamed
             ? text
             : text + " and " + std::to_string(submodules.size() - kMostNamed) + " more";
}

}  // namespace

std::vector<std::string> unsupported_attributes(std::string_view gitattributes) {
  bool lfs = false;
  bool encoding = false;
  for_each_line(gitattributes, [&](std::string_view line) {
    lfs = lfs || has_attribute(line, "filter=lfs");
    encoding = encoding || has_attribute(line, "working-tree-encoding=");
  });
  std::vector<std::string> sentences;
  if (lfs) {
    sentences.emplace_back("files of Git LFS are their pointers");
  }
  if (encoding) {
    sentences.emplace_back(
        "files with a working-tree-encoding are UTF-8, as they lie in the repository");
  }
  return sentences;
}

std::vector<std::string> submodule_paths(std::string_view gitmodules) {
  std::vector<std::string> paths;
  for_each_line(gitmodules, [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return;
    }
    std::string_view key = line.substr(0, equals);
    key = key.substr(0, key.find_last_not_of(" \t") + 1);
    std::string_view value = line.substr(equals + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (key == "path" && !value.empty()) {
      paths.emplace_back(value);
    }
  });
  return paths;
}

std::vector<std::string> unsupported_in(const std::string& mirror_path, const ObjectId& commit) {
  const auto repository = git2::open_bare(mirror_path);
  const auto links = repository ? git2::read_commit(repository->get(), commit)
                                : Result<git2::CommitLinks>(fail(repository.error()));
  const auto root = links ? git2::lookup_tree(repository->get(), links->tree)
                          : Result<git2::Tree>(fail(links.error()));
  if (!root) {
    return {};
  }
  std::vector<std::string> submodules =
      submodule_paths(text_of(repository->get(), root->get(), ".gitmodules"));
  std::erase_if(submodules,
                [&](const std::string& path) { return !is_submodule(root->get(), path); });
  std::vector<std::string> sentences =
      unsupported_attributes(text_of(repository->get(), root->get(), ".gitattributes"));
  if (!submodules.empty()) {
    sentences.push_back(sentence_about(submodules));
  }
  return sentences;
}

}  // namespace freshet::checkout
