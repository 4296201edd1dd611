#include "mirror/commit_links.h"

#include <deque>
#include <set>
#include <string_view>

namespace freshet::mirror::git2 {
namespace {

struct FreeObject {
  void operator()(git_odb_object* handle) const { git_odb_object_free(handle); }
};
using RawObject = std::unique_ptr<git_odb_object, FreeObject>;

Result<RawObject> read_object(git_repository* repository, const git_oid& id) {
  git_odb* raw_odb = nullptr;
  if (git_repository_odb(&raw_odb, repository) != 0) {
    return fail(last_error("cannot read the mirror's objects"));
  }
  const Odb odb(raw_odb);
  git_odb_object* raw = nullptr;
  if (git_odb_read(&raw, raw_odb, &id) != 0) {
    // Not there is damage, too: what is asked for here was fetched.
    return fail(last_error("cannot read the object " + from_oid(id).hex()));
  }
  return RawObject(raw);
}

std::string_view content_of(const RawObject& object) {
  return {static_cast<const char*>(git_odb_object_data(object.get())),
          git_odb_object_size(object.get())};
}

/// Takes "WORD ID" and its line end off the front. False: the text begins with something else.
bool take_link(std::string_view& text, std::string_view word, git_oid& id) {
  constexpr std::size_t kDigits = GIT_OID_HEXSZ;
  const std::size_t end = word.size() + kDigits;
  if (!text.starts_with(word) || text.size() <= end || text[end] != '\n' ||
      git_oid_fromstrn(&id, text.data() + word.size(), kDigits) != 0) {
    return false;
  }
  text.remove_prefix(end + 1);
  return true;
}

Error damaged(std::string_view kind, const git_oid& id) {
  return {ErrorClass::corrupt,
          "the " + std::string(kind) + " " + from_oid(id).hex() + " is damaged, or is none",
          std::nullopt};
}

}  // namespace

Result<CommitLinks> read_commit(git_repository* repository, const git_oid& id) {
  FRESHET_TRY(const RawObject object, read_object(repository, id));
  CommitLinks links;
  std::string_view text = content_of(object);
  if (git_odb_object_type(object.get()) != GIT_OBJECT_COMMIT ||
      !take_link(text, "tree ", links.tree)) {
    return fail(damaged("commit", id));
  }
  for (git_oid parent{}; take_link(text, "parent ", parent);) {
    links.parents.push_back(parent);
  }
  return links;
}

Result<CommitLinks> read_commit(git_repository* repository, const ObjectId& id) {
  FRESHET_TRY(const git_oid oid, to_oid(id));
  return read_commit(repository, oid);
}

std::optional<bool> leads_to(git_repository* repository, const git_oid& commit,
                             const git_oid& ancestor) {
  constexpr std::size_t kNearest = 1000;
  std::set<ObjectId> seen;
  std::deque<git_oid> waiting{commit};
  while (!waiting.empty()) {
    const git_oid id = waiting.front();
    waiting.pop_front();
    if (git_oid_equal(&id, &ancestor) != 0) {
      return true;
    }
    if (!seen.insert(from_oid(id)).second) {
      continue;
    }
    const auto links = read_commit(repository, id);
    if (!links && seen.size() == 1 && links.error().error_class == ErrorClass::corrupt) {
      return false;  // tags of files and the like have no ancestors
    }
    if (seen.size() > kNearest || !links) {
      return std::nullopt;
    }
    waiting.insert(waiting.end(), links->parents.begin(), links->parents.end());
  }
  return false;
}

Result<Peeled> peel_tags(git_repository* repository, const ObjectId& id) {
  Peeled peeled;
  FRESHET_TRY(peeled.id, to_oid(id));
  for (;;) {
    FRESHET_TRY(const RawObject object, read_object(repository, peeled.id));
    peeled.type = git_odb_object_type(object.get());
    if (peeled.type != GIT_OBJECT_TAG) {
      return peeled;
    }
    // Ends: no object can name one that was made of it.
    std::string_view text = content_of(object);
    if (git_oid target{}; take_link(text, "object ", target)) {
      peeled.id = target;
    } else {
      return fail(damaged("tag", peeled.id));
    }
  }
}

}  // namespace freshet::mirror::git2
