#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hostile_objects.h"

/// What a commit's tree is by git's own rules, made from the bytes of the objects alone.
namespace freshet::fuzz {

struct Expected {
  std::uint32_t mode = 0;  ///< as lstat(2) gives it
  std::string content;     ///< of a file, or where a link leads
  ObjectId id;             ///< of a file, link or submodule
  bool operator==(const Expected&) const = default;
};

struct ExpectedTree {
  std::map<std::string, Expected> paths;
  /// Nothing about it is odd: there is no reason to refuse it.
  bool plain = true;
  /// There is no such tree, or no file system can hold it.
  bool impossible = false;
  bool too_large = false;  ///< for a run of the fuzzer
  bool has_attributes = false;
};

class TreeModel {
 public:
  explicit TreeModel(const ObjectStore& store) : store_(store) {}

  ExpectedTree of_commit(const ObjectId& commit) {
    const RawObject* object = store_.find(commit);
    std::optional<ObjectId> tree;
    if (object != nullptr && object->type == "commit" && object->content.starts_with("tree ")) {
      tree = ObjectId::parse(std::string_view(object->content).substr(5, 40));
    }
    if (tree) {
      add_tree(*tree, "", 0);
    } else {
      result_.impossible = true;
    }
    return std::move(result_);
  }

 private:
  static constexpr std::size_t kMostPaths = 1200;
  static constexpr int kDeepest = 1000;
  static constexpr std::uint32_t kLargestMode = 0177777;  ///< libgit2 reads no tree with another
  static constexpr std::size_t kLongestPath = 2048;       ///< that nobody can find too long

  static bool is_plain_name(const std::string& name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           !lower.starts_with(".git") && !lower.starts_with("git~") &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; }) &&
           name.find('/') == std::string::npos;
  }

  /// git compares directories as if their names ended in a slash.
  static std::string sorting_name(const RawEntry& entry) {
    return entry.name + ((entry.mode & 0170000U) == 0040000U ? "/" : "");
  }

  void add_tree(const ObjectId& id, const std::string& prefix, int depth) {
    const RawObject* object = store_.find(id);
    std::vector<RawEntry> entries;
    if (object == nullptr || object->type != "tree" || !read_tree(object->content, entries)) {
      result_.impossible = true;
      return;
    }
    result_.plain = result_.plain && depth <= kDeepest;
    std::set<std::string> names;
    std::string before;
    for (const RawEntry& entry : entries) {
      const std::string now = sorting_name(entry);
      result_.plain =
          result_.plain && is_plain_name(entry.name) && (before.empty() || before < now);
      // A file and a folder of one name cannot both be there.
      result_.impossible = result_.impossible || !names.insert(entry.name).second ||
                           entry.name.empty() || entry.name.find('/') != std::string::npos;
      before = now;
      if (result_.impossible || result_.too_large) {
        return;
      }
      add_entry(entry, prefix, depth);
    }
  }

  void add_entry(const RawEntry& entry, const std::string& prefix, int depth) {
    const std::string path = prefix + entry.name;
    result_.plain = result_.plain && path.size() <= kLongestPath && entry.mode <= kLargestMode;
    result_.too_large = result_.too_large || result_.paths.size() >= kMostPaths;
    const bool is_attributes = entry.name == ".gitattributes";
    result_.has_attributes = result_.has_attributes || is_attributes;
    const RawObject* object = store_.find(entry.id);
    switch (entry.mode & 0170000U) {
      case 0040000U:
        result_.paths[path] = {0040755, "", ObjectId()};
        return add_tree(entry.id, path + "/", depth + 1);
      case 0160000U:
        result_.paths[path] = {0040755, "", entry.id};
        return;
      case 0120000U:
        result_.paths[path] = {0120777, object != nullptr ? object->content : "", entry.id};
        result_.plain = result_.plain && object != nullptr && object->content.size() < 4096;
        result_.impossible = result_.impossible || object == nullptr || object->type != "blob" ||
                             object->content.empty() ||
                             object->content.find('\0') != std::string::npos;
        return;
      case 0100000U:
        result_.paths[path] = {(entry.mode & 0100U) != 0 ? 0100755U : 0100644U,
                               object != nullptr ? object->content : "", entry.id};
        result_.impossible = result_.impossible || object == nullptr || object->type != "blob";
        return;
      default:
        result_.impossible = true;
    }
  }

  const ObjectStore& store_;
  ExpectedTree result_;
};

/// Every object that belongs to this one and is known, with itself; of a commit its first parent.
inline std::set<ObjectId> belonging_to(const ObjectStore& store, const ObjectId& top) {
  std::set<ObjectId> found;
  std::vector<ObjectId> next{top};
  while (!next.empty()) {
    const ObjectId id = next.back();
    next.pop_back();
    const RawObject* object = store.find(id);
    if (object == nullptr || !found.insert(id).second) {
      continue;
    }
    std::vector<RawEntry> entries;
    if (object->type == "tree" && read_tree(object->content, entries)) {
      for (const RawEntry& entry : entries) {
        const std::uint32_t kind = entry.mode & 0170000U;  // any other is a submodule to git
        if (kind == 0040000U || kind == 0100000U || kind == 0120000U) {
          next.push_back(entry.id);
        }
      }
    }
    std::string_view rest = object->type == "commit" ? object->content : std::string_view();
    for (const std::string_view field : {"tree ", "parent "}) {
      if (rest.starts_with(field)) {
        if (const auto parsed = ObjectId::parse(rest.substr(field.size(), 40))) {
          next.push_back(*parsed);
        }
        rest.remove_prefix(std::min(rest.size(), field.size() + 41));
      }
    }
  }
  return found;
}

/// Whether it is written as git writes it; names aside, which ExpectedTree judges.
inline bool is_usual(const RawObject& object) {
  if (object.type != "tree") {
    return object.type == "blob" ||
           (object.type == "commit" && object.content.ends_with(kUsualCommitEnd));
  }
  std::vector<RawEntry> entries;
  std::string again;
  const bool is_tree = read_tree(object.content, entries);
  for (const RawEntry& entry : entries) {
    constexpr std::pair<std::uint32_t, std::string_view> kModes[] = {{0100644, "100644"},
                                                                     {0100755, "100755"},
                                                                     {0120000, "120000"},
                                                                     {0040000, "40000"},
                                                                     {0160000, "160000"}};
    for (const auto& [mode, text] : kModes) {
      again += mode == entry.mode ? tree_entry(text, entry.name, entry.id) : "";
    }
  }
  return is_tree && again == object.content;
}

}  // namespace freshet::fuzz
