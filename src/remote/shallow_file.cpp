#include "remote/shallow_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <string_view>

#include "base/files.h"

namespace freshet::remote {
namespace {

std::string own_file(const std::string& mirror) {
  return mirror + "/shallow";
}

}  // namespace

Result<std::vector<ObjectId>> read_shallow(const std::string& mirror) {
  std::vector<ObjectId> ids;
  if (!path_exists(own_file(mirror))) {
    return ids;
  }
  FRESHET_TRY(const std::string content, read_file(own_file(mirror)));
  for (std::string_view rest = content; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    auto id = ObjectId::parse(rest.substr(0, end));
    if (!id) {
      return fail(ErrorClass::corrupt, "the mirror's file of shallow commits is damaged");
    }
    ids.push_back(*std::move(id));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ids;
}

Result<NextShallow> NextShallow::write(const std::string& mirror, const std::vector<ObjectId>& old,
                                       const std::vector<ObjectId>& added,
                                       const std::vector<ObjectId>& removed) {
  std::set<ObjectId> ids(old.begin(), old.end());
  ids.insert(added.begin(), added.end());
  for (const ObjectId& id : removed) {
    ids.erase(id);
  }
  std::string content;
  for (const ObjectId& id : ids) {
    content += id.hex() + "\n";
  }
  std::string path = mirror + "/freshet.shallow";
  FRESHET_CHECK(write_file_atomically(path, content));
  return NextShallow(std::move(path), ids.empty());
}

NextShallow::~NextShallow() {
  if (!path_.empty()) {
    static_cast<void>(remove_tree(path_));
  }
}

Result<void> NextShallow::put_in_force(const std::string& mirror) {
  if (whole_) {
    FRESHET_CHECK(remove_tree(own_file(mirror)));
  } else if (::rename(path_.c_str(), own_file(mirror).c_str()) != 0) {
    return fail(system_error(errno, "cannot replace " + own_file(mirror)));
  } else {
    path_.clear();
  }
  return sync_directory(mirror);
}

}  // namespace freshet::remote
