#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>

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
  static constexpr std::size_t kMostPaths = 3000;
  static constexpr int kDeepest = 1000;
  static constexpr std::size_t kLongestPath = 2048;  ///< that nobody can find too long

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
    result_.plain = result_.plain && path.size() <= kLongestPath;
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

}  // namespace freshet::fuzz
