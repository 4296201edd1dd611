#include "mirror/slot_refs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "base/files.h"
#include "base/hmac.h"
#include "mirror/commit_links.h"
#include "mirror/git2.h"
#include "mirror/layout.h"

namespace freshet::mirror {
namespace {

constexpr std::size_t kPackedRefsLimit = std::size_t{1} << 30U;

std::string all_slots(const std::string& mirror) {
  return mirror + "/refs/freshet/slots";
}

Result<void> write_slot(const std::string& mirror, const std::string& own,
                        const std::string& commit) {
  for (const std::string& directory : {mirror + "/refs/freshet", all_slots(mirror), own}) {
    FRESHET_CHECK(make_readable_directory(directory));
  }
  // git takes no notice of a name that ends so; it is never seen half written.
  const std::string beside = own + "/" + commit + ".lock";
  FRESHET_CHECK(write_new_file(beside, commit + "\n"));
  if (::rename(beside.c_str(), (own + "/" + commit).c_str()) != 0) {
    return fail(system_error(errno, "cannot create a ref in " + own));
  }
  return {};
}

}  // namespace

Result<void> keep_slot_commits(const std::string& mirror, const std::string& checkout_path,
                               const std::set<ObjectId>& commits) {
  const std::string own = all_slots(mirror) + "/" + to_hex(sha1(checkout_path)).substr(0, 16);
  if (commits.empty()) {
    return path_exists(own) ? remove_tree(own) : Result<void>();
  }
  std::set<ObjectId> missing = commits;
  if (path_exists(own)) {
    FRESHET_TRY(const auto names, list_directory(own));
    for (const std::string& name : names) {
      const auto commit = ObjectId::parse(name);
      if (!commit || missing.erase(*commit) == 0) {
        FRESHET_CHECK(remove_tree(own + "/" + name));
      }
    }
  }
  if (missing.empty()) {
    return {};
  }
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  for (const ObjectId& commit : missing) {
    if (git2::peel_tags(repository.get(), commit)) {
      FRESHET_CHECK(write_slot(mirror, own, commit.hex()));
    }
  }
  return {};
}

Result<std::vector<SlotFile>> slot_files(const std::string& mirror) {
  std::vector<SlotFile> files;
  if (!is_directory(all_slots(mirror))) {
    return files;
  }
  FRESHET_TRY(const auto checkouts, list_directory(all_slots(mirror)));
  for (const std::string& checkout : checkouts) {
    FRESHET_TRY(const auto names, list_directory(all_slots(mirror) + "/" + checkout));
    for (const std::string& name : names) {
      if (ObjectId::parse(name)) {
        files.push_back({checkout, name});
      }
    }
  }
  return files;
}

Result<void> restore_slot_files(const std::string& mirror, const std::vector<SlotFile>& files) {
  for (const SlotFile& file : files) {
    const std::string own = all_slots(mirror) + "/" + file.checkout;
    if (!path_exists(own + "/" + file.commit)) {
      FRESHET_CHECK(write_slot(mirror, own, file.commit));
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
