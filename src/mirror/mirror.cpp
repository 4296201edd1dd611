#include "mirror/mirror.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "mirror/commit_links.h"
#include "mirror/connectivity.h"
#include "mirror/layout.h"
#include "mirror/leftovers.h"
#include "mirror/lost_refs.h"

namespace freshet::mirror {
namespace {

/// A child of a process that was killed gives the lock back as soon as it finds its pipes closed.
constexpr Duration kLockPatience = std::chrono::seconds(2);
/// Up to here libgit2 is quicker than starting a child.
constexpr std::size_t kFewRefs = 16;
constexpr std::string_view kPrivate = "refs/freshet/";

std::string lock_of(const std::string& mirror) {
  return mirror + "/freshet.lock";
}
/// Stands in the mirror while it is being changed.
std::string mark_of(const std::string& mirror) {
  return mirror + "/freshet.unclean";
}

/// A ref that is no branch may point to anything; where that leads to a commit, its tree has to be
/// there too.
Result<void> check_complete(git_repository* repository, const RefName& ref, const ObjectId& id) {
  FRESHET_TRY(git2::Peeled target, git2::peel_tags(repository, id));
  const bool is_commit_itself = target.type == GIT_OBJECT_COMMIT && git2::from_oid(target.id) == id;
  if (ref.text().starts_with("refs/heads/") && !is_commit_itself) {
    // git takes a repository with such a branch for damaged.
    return fail(ErrorClass::corrupt,
                ref.text() + " cannot move to " + id.hex() + ", which is no commit");
  }
  if (target.type == GIT_OBJECT_COMMIT) {
    FRESHET_TRY(const git2::CommitLinks links, git2::read_commit(repository, target.id));
    target = {links.tree, GIT_OBJECT_TREE};
  }
  if (target.type == GIT_OBJECT_BLOB || git2::lookup_tree(repository, target.id)) {
    return {};
  }
  return fail(ErrorClass::corrupt,
              ref.text() + " cannot move to " + id.hex() + ": its tree is missing from the mirror");
}

Result<void> set_few(git_repository* repository, const std::map<RefName, ObjectId>& set) {
  git_transaction* raw = nullptr;
  if (git_transaction_new(&raw, repository) != 0) {
    return fail(git2::last_error("cannot begin to move refs"));
  }
  const git2::Transaction transaction(raw);
  for (const auto& [ref, id] : set) {
    FRESHET_TRY(const git_oid oid, git2::to_oid(id));
    const char* name = ref.text().c_str();
    if (git_transaction_lock_ref(raw, name) != 0 ||
        git_transaction_set_target(raw, name, &oid, nullptr, nullptr) != 0) {
      return fail(git2::last_error("cannot move " + ref.text()));
    }
  }
  if (git_transaction_commit(raw) != 0) {
    return fail(git2::last_error("cannot move refs"));
  }
  return {};
}

}  // namespace

Mirror::Mirror(std::string path, FileLock lock, const GitEnvironment& environment,
               git2::Repository repository)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      environment_(&environment),
      repository_(std::move(repository)) {}

Result<Mirror> Mirror::open_or_create(const std::string& path, const GitEnvironment& environment) {
  FRESHET_CHECK(make_readable_directory(path));
  FRESHET_TRY(FileLock lock, FileLock::acquire(lock_of(path), kLockPatience));
  FRESHET_CHECK(complete_layout(path));
  FRESHET_TRY(git2::Repository repository, git2::open_bare(path));
  Mirror mirror(path, std::move(lock), environment, std::move(repository));
  if (path_exists(mark_of(path))) {
    FRESHET_CHECK(mirror.clean());
    mirror.end_work();
  }
  return mirror;
}

Result<void> Mirror::clean() {
  FRESHET_CHECK(remove_leftovers(path_, wall_now()));
  return remove_incoming(place());
}

Result<void> Mirror::begin_work() {
  if (working_) {
    return {};
  }
  FRESHET_CHECK(clean());
  if (!path_exists(mark_of(path_))) {
    FRESHET_CHECK(write_new_file(mark_of(path_), ""));
  }
  working_ = true;
  return {};
}

void Mirror::end_work() {
  ::unlink(mark_of(path_).c_str());
  working_ = false;
}

Result<std::map<RefName, ObjectId>> Mirror::refs() const {
  git_reference_iterator* raw = nullptr;
  if (git_reference_iterator_new(&raw, repository_.get()) != 0) {
    return fail(git2::last_error("cannot read the refs of " + path_));
  }
  const git2::ReferenceIterator iterator(raw);
  std::map<RefName, ObjectId> refs;
  for (;;) {
    git_reference* next = nullptr;
    const int code = git_reference_next(&next, raw);
    if (code == GIT_ITEROVER) {
      return refs;
    }
    if (code != 0) {
      return fail(git2::last_error("cannot read the refs of " + path_));
    }
    const git2::Reference reference(next);
    const std::string name = git_reference_name(next);
    if (git_reference_type(next) == GIT_REFERENCE_DIRECT && !name.starts_with(kPrivate)) {
      refs.emplace(RefName(name), git2::from_oid(*git_reference_target(next)));
    }
  }
}

Result<std::optional<ObjectId>> Mirror::find(const RefName& ref) const {
  git_reference* raw = nullptr;
  // A file that a power failure cut counts as missing: the upstream knows the value.
  if (git_reference_lookup(&raw, repository_.get(), ref.text().c_str()) != 0) {
    return std::nullopt;
  }
  const git2::Reference reference(raw);
  if (git_reference_type(raw) != GIT_REFERENCE_DIRECT) {
    return std::nullopt;
  }
  return git2::from_oid(*git_reference_target(raw));
}

Result<std::vector<RefName>> Mirror::lost_refs() const {
  git_reference_iterator* raw = nullptr;
  if (git_reference_iterator_glob_new(&raw, repository_.get(), "refs/freshet/lost/*") != 0) {
    return fail(git2::last_error("cannot read the refs of " + path_));
  }
  const git2::ReferenceIterator iterator(raw);
  std::vector<RefName> names;
  const char* name = nullptr;
  while (git_reference_next_name(&name, raw) == 0) {
    names.emplace_back(name);
  }
  return names;
}

Result<void> Mirror::forget_lost(const std::vector<RefName>& refs) {
  return delete_refs(place(), refs);
}

bool Mirror::has(const ObjectId& id) const {
  return git2::peel_tags(repository_.get(), id).has_value();
}

std::vector<ObjectId> Mirror::haves(const std::vector<ObjectId>& tips) const {
  constexpr std::size_t kMostTips = 64;
  constexpr int kFarthest = 512;  // commits behind a tip
  // Each step reads a commit; with many tips there is common ground enough.
  const int farthest = tips.size() <= 8 ? kFarthest : 16;
  std::vector<ObjectId> result;
  for (std::size_t i = 0; i < std::min(tips.size(), kMostTips); ++i) {
    const auto commit_id = peel_to_commit(tips[i]);
    git_oid id = commit_id ? git2::to_oid(*commit_id).value_or(git_oid{}) : git_oid{};
    int next = 1;
    for (int distance = 0; commit_id && distance <= farthest; ++distance) {
      const auto links = git2::read_commit(repository_.get(), id);
      if (!links) {
        break;
      }
      if (distance == 0 || distance == next) {
        result.push_back(git2::from_oid(id));
        next = std::max(1, 2 * distance);
      }
      if (links->parents.empty()) {
        break;
      }
      id = links->parents.front();
    }
  }
  return result;
}

Result<bool> Mirror::is_ancestor(const ObjectId& ancestor, const ObjectId& descendant) const {
  FRESHET_TRY(const git_oid old_id, git2::to_oid(ancestor));
  FRESHET_TRY(const git_oid new_id, git2::to_oid(descendant));
  if (git_oid_equal(&old_id, &new_id) == 1) {
    return true;
  }
  if (const auto near_by = git2::leads_to(repository_.get(), new_id, old_id)) {
    return *near_by;
  }
  const int code = git_graph_descendant_of(repository_.get(), &new_id, &old_id);
  // Tags of files and the like have no ancestors.
  return code == 1;
}

bool Mirror::has_been_at(const RefName& ref, const ObjectId& commit,
                         const std::optional<ObjectId>& earlier) const {
  if (!has(commit)) {
    return false;
  }
  std::vector<ObjectId> values;
  if (earlier) {
    values.push_back(*earlier);
  }
  if (const auto lost = lost_refs()) {
    for (const RefName& name : lost_of(*lost, ref)) {
      if (const auto value = find(name); value && *value) {
        values.push_back(**value);
      }
    }
  }
  return std::any_of(values.begin(), values.end(), [&](const ObjectId& value) {
    return is_ancestor(commit, value).value_or(true);
  });
}

Result<bool> Mirror::prove_connected(const std::vector<ObjectId>& tips,
                                     const std::vector<ObjectId>& known) const {
  return mirror::prove_connected(repository_.get(), tips, known);
}

Result<ObjectId> Mirror::peel_to_commit(const ObjectId& id) const {
  FRESHET_TRY(const git2::Peeled target, git2::peel_tags(repository_.get(), id));
  if (target.type != GIT_OBJECT_COMMIT) {
    return fail(ErrorClass::corrupt, id.hex() + " leads to no commit");
  }
  return git2::from_oid(target.id);
}

Result<void> Mirror::apply(const RefChanges& changes) {
  for (const auto& [ref, id] : changes.set) {
    FRESHET_CHECK(check_complete(repository_.get(), ref, id));
  }
  FRESHET_CHECK(changes.keep.size() <= kFewRefs ? set_few(repository_.get(), changes.keep)
                                                : update_refs(place(), changes.keep));
  FRESHET_CHECK(delete_refs(place(), changes.clear_first));
  FRESHET_CHECK(changes.set.size() <= kFewRefs ? set_few(repository_.get(), changes.set)
                                               : update_refs(place(), changes.set));
  FRESHET_CHECK(delete_refs(place(), changes.delete_last));
  return remove_incoming(place());
}

Result<void> Mirror::set_head(const RefName& branch) {
  FRESHET_CHECK(remove_tree(path_ + "/HEAD.lock"));  // stale: begin_work may not have been called
  git_reference* raw = nullptr;
  if (git_reference_symbolic_create(&raw, repository_.get(), "HEAD", branch.text().c_str(), 1,
                                    nullptr) != 0) {
    return fail(git2::last_error("cannot point HEAD to " + branch.text()));
  }
  git_reference_free(raw);
  return {};
}

Result<std::optional<RefName>> Mirror::head() const {
  git_reference* raw = nullptr;
  if (git_reference_lookup(&raw, repository_.get(), "HEAD") != 0) {
    return fail(git2::last_error("cannot read HEAD of " + path_));
  }
  const git2::Reference reference(raw);
  if (git_reference_type(raw) != GIT_REFERENCE_SYMBOLIC) {
    return std::nullopt;
  }
  return RefName(git_reference_symbolic_target(raw));
}

}  // namespace freshet::mirror
