#pragma once

#include <zlib.h>

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/hmac.h"
#include "fuzzing.h"
#include "model/ids.h"

/// git objects of any content, written and read here without git or libgit2.
namespace freshet::fuzz {

struct RawObject {
  std::string type;
  std::string content;
};

/// Of every commit but those whose bytes an input gives.
constexpr std::string_view kUsualCommitEnd =
    "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n";

/// One entry as the bytes of a tree say it.
struct RawEntry {
  std::uint32_t mode = 0;
  std::string name;
  ObjectId id;
};

/// False: the bytes are no tree.
inline bool read_tree(std::string_view bytes, std::vector<RawEntry>& entries) {
  constexpr std::size_t kId = 20;
  while (!bytes.empty()) {
    const std::size_t space = bytes.find(' ');
    const std::size_t end = space == std::string_view::npos ? space : bytes.find('\0', space);
    if (end == std::string_view::npos || bytes.size() - end - 1 < kId) {
      return false;
    }
    RawEntry entry;
    const auto [stop, error] = std::from_chars(bytes.data(), bytes.data() + space, entry.mode, 8);
    if (error != std::errc{} || stop != bytes.data() + space) {
      return false;
    }
    entry.name = bytes.substr(space + 1, end - space - 1);
    entry.id = ObjectId::parse(to_hex(bytes.substr(end + 1, kId))).value();
    entries.push_back(std::move(entry));
    bytes.remove_prefix(end + 1 + kId);
  }
  return true;
}

inline std::string tree_entry(std::string_view mode, std::string_view name, const ObjectId& id) {
  std::string entry(mode);
  entry.append(" ").append(name).append(1, '\0');
  return entry + from_hex(id.hex()).value();
}

/// Objects, kept in mind; with a directory also there, as the files of a repository.
class ObjectStore {
 public:
  ObjectStore() = default;
  explicit ObjectStore(std::string directory) : directory_(std::move(directory)) {}

  ObjectId add(RawObject object) {
    const std::string bytes =
        object.type + " " + std::to_string(object.content.size()) + '\0' + object.content;
    const std::string hex = to_hex(sha1(bytes));
    const ObjectId id = ObjectId::parse(hex).value();
    if (objects_.emplace(id, std::move(object)).second && !directory_.empty()) {
      const std::string folder = directory_ + "/" + hex.substr(0, 2);
      require(make_directories(folder).has_value(), "a folder for an object can be made");
      require(write_new_file(folder + "/" + hex.substr(2), deflated(bytes), 0444).has_value(),
              "an object can be written");
    }
    return id;
  }

  /// nullptr: there is none.
  const RawObject* find(const ObjectId& id) const {
    const auto position = objects_.find(id);
    return position == objects_.end() ? nullptr : &position->second;
  }

  std::size_t size() const { return objects_.size(); }

  void clear() {
    objects_.clear();
    if (directory_.empty()) {
      return;
    }
    require(remove_tree(directory_).has_value(), "the objects can be removed");
    for (const char* folder : {"", "/info", "/pack"}) {
      require(make_directories(directory_ + folder).has_value(), "the folders can be made");
    }
  }

  static std::string deflated(const std::string& bytes) {
    uLongf size = ::compressBound(bytes.size());
    std::string result(size, '\0');
    require(::compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                        reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 1) == Z_OK,
            "it can be deflated");
    result.resize(size);
    return result;
  }

 private:
  const std::string directory_;
  std::map<ObjectId, RawObject> objects_;
};

}  // namespace freshet::fuzz
