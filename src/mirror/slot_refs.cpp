#include "mirror/slot_refs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "base/files.h"
#include "base/hmac.h"
#include "mirror/layout.h"

namespace freshet::mirror {
namespace {

constexpr std::size_t kPackedRefsLimit = std::size_t{1} << 30U;

}  // namespace

Result<void> keep_slot_commits(const std::string& mirror, const std::string& checkout_path,
                               const std::set<ObjectId>& commits) {
  const std::string all = mirror + "/refs/freshet/slots";
  const std::string own = all + "/" + to_hex(sha1(checkout_path)).substr(0, 16);
  if (commits.empty()) {
    return path_exists(own) ? remove_tree(own) : Result<void>();
  }
  for (const std::string& directory : {mirror + "/refs/freshet", all, own}) {
    FRESHET_CHECK(make_readable_directory(directory));
  }
  FRESHET_TRY(const auto names, list_directory(own));
  std::set<ObjectId> missing = commits;
  for (const std::string& name : names) {
    const auto commit = ObjectId::parse(name);
    if (!commit || missing.erase(*commit) == 0) {
      FRESHET_CHECK(remove_tree(own + "/" + name));
    }
  }
  for (const ObjectId& commit : missing) {
    // git takes no notice of a name that ends so; it is never seen half written.
    const std::string beside = own + "/" + commit.hex() + ".lock";
    FRESHET_CHECK(write_new_file(beside, commit.hex() + "\n"));
    if (::rename(beside.c_str(), (own + "/" + commit.hex()).c_str()) != 0) {
      return fail(system_error(errno, "cannot create a ref in " + own));
    }
  }
  return {};
}

Result<void> forget_packed_slot_refs(const GitPlace& place) {
  const auto packed = read_file(place.mirror + "/packed-refs", kPackedRefsLimit);
  std::vector<RefName> gone;
  std::size_t at = packed ? packed->find(" refs/freshet/slots/") : std::string::npos;
  while (at != std::string::npos) {
    const std::size_t end = std::min(packed->find('\n', at), packed->size());
    RefName ref(packed->substr(at + 1, end - at - 1));
    // Whatever is wanted is there as a file.
    if (!path_exists(place.mirror + "/" + ref.text())) {
      gone.push_back(std::move(ref));
    }
    at = packed->find(" refs/freshet/slots/", end);
  }
  return delete_refs(place, gone);
}

}  // namespace freshet::mirror
