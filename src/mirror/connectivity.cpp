#include "mirror/connectivity.h"

#include <sys/stat.h>

#include <cstring>
#include <string_view>
#include <unordered_set>

#include "mirror/commit_links.h"

namespace freshet::mirror {
namespace {

struct OidHash {
  std::size_t operator()(const git_oid& id) const {
    std::size_t value = 0;
    std::memcpy(&value, id.id, sizeof value);
    return value;
  }
};
struct OidEqual {
  bool operator()(const git_oid& a, const git_oid& b) const { return git_oid_equal(&a, &b) == 1; }
};
using OidSet = std::unordered_set<git_oid, OidHash, OidEqual>;

class Proof {
 public:
  Proof(git_repository* repository, git2::Odb odb, const ProofLimits& limits)
      : repository_(repository), odb_(std::move(odb)), limits_(limits) {}

  void know(const git_oid& commit) { commits_.insert(commit); }
  void look_at(const git_oid& commit) { waiting_.push_back(commit); }

  Result<bool> run() {
    std::size_t looked_at = 0;
    while (!waiting_.empty()) {
      const git_oid id = waiting_.back();
      waiting_.pop_back();
      if (!commits_.insert(id).second) {
        continue;
      }
      if (++looked_at > limits_.commits) {
        return false;
      }
      FRESHET_TRY(const bool fine, check_commit(id));
      if (!fine) {
        return false;
      }
    }
    return true;
  }

 private:
  static Error missing(std::string_view kind, const git_oid& id) {
    return {ErrorClass::corrupt,
            "what the upstream sent is not complete: " + std::string(kind) + " " +
                git2::from_oid(id).hex() + " is missing or damaged",
            std::nullopt};
  }

  Result<bool> check_commit(const git_oid& id) {
    FRESHET_TRY(const git2::CommitLinks commit, links_of(id));
    git2::Tree before;
    for (const git_oid& parent : commit.parents) {
      look_at(parent);
      if (!before) {
        FRESHET_TRY(before, tree_of(parent));
      }
    }
    if (before && git_oid_equal(&commit.tree, git_tree_id(before.get())) == 1) {
      return true;
    }
    return check_tree(commit.tree, before.get(), 0);
  }

  Result<git2::Tree> tree_of(const git_oid& commit_id) {
    FRESHET_TRY(const git2::CommitLinks commit, links_of(commit_id));
    return open_tree(commit.tree);
  }

  Result<git2::CommitLinks> links_of(const git_oid& commit_id) {
    auto links = git2::read_commit(repository_, commit_id);
    return links ? std::move(links) : fail(missing("commit", commit_id));
  }

  Result<git2::Tree> open_tree(const git_oid& id) {
    git_tree* raw = nullptr;
    if (git_tree_lookup(&raw, repository_, &id) != 0) {
      return fail(missing("tree", id));
    }
    return git2::Tree(raw);
  }

  /// What the tree has at the same place as `before`, which is complete or looked at by itself,
  /// need not be looked at.
  Result<bool> check_tree(const git_oid& id, const git_tree* before, int depth) {
    if (!objects_.insert(id).second) {
      return true;
    }
    if (objects_.size() > limits_.objects || depth > limits_.depth) {
      return false;
    }
    FRESHET_TRY(const git2::Tree tree, open_tree(id));
    for (std::size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
      const git_tree_entry* old =
          before == nullptr ? nullptr : git_tree_entry_byname(before, git_tree_entry_name(entry));
      FRESHET_TRY(const bool fine, check_entry(*entry, old, depth));
      if (!fine) {
        return false;
      }
    }
    return true;
  }

  Result<bool> check_entry(const git_tree_entry& entry, const git_tree_entry* old, int depth) {
    const git_oid& id = *git_tree_entry_id(&entry);
    const unsigned kind = git2::kind_of(&entry);
    const bool is_content = kind == S_IFREG || kind == S_IFLNK;
    if ((!is_content && kind != S_IFDIR) ||  // a submodule's commit lies elsewhere
        (old != nullptr && git2::kind_of(old) == kind &&
         git_oid_equal(&id, git_tree_entry_id(old)) == 1)) {
      return true;
    }
    if (kind == S_IFDIR) {
      git2::Tree old_tree;
      if (old != nullptr && git2::kind_of(old) == S_IFDIR) {
        FRESHET_TRY(old_tree, open_tree(*git_tree_entry_id(old)));
      }
      return check_tree(id, old_tree.get(), depth + 1);
    }
    if (!objects_.insert(id).second) {
      return true;
    }
    std::size_t size = 0;
    git_object_t found = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&size, &found, odb_.get(), &id) != 0 || found != GIT_OBJECT_BLOB) {
      return fail(missing("file", id));
    }
    return objects_.size() <= limits_.objects;
  }

  git_repository* repository_;
  const git2::Odb odb_;
  const ProofLimits limits_;
  OidSet commits_;  ///< known, or looked at
  OidSet objects_;  ///< looked at
  std::vector<git_oid> waiting_;
};

}  // namespace

Result<bool> prove_connected(git_repository* repository, const std::vector<ObjectId>& tips,
                             const std::vector<ObjectId>& known, const ProofLimits& limits) {
  if (git_repository_is_shallow(repository) != 0) {
    return false;
  }
  git_odb* raw = nullptr;
  if (git_repository_odb(&raw, repository) != 0) {
    return fail(git2::last_error("cannot read the mirror's objects"));
  }
  Proof proof(repository, git2::Odb(raw), limits);
  for (const ObjectId& id : known) {
    FRESHET_TRY(const git_oid oid, git2::to_oid(id));
    proof.know(oid);
  }
  for (const ObjectId& id : tips) {
    FRESHET_TRY(const git_oid oid, git2::to_oid(id));
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&size, &type, raw, &oid) != 0) {
      return fail(ErrorClass::corrupt,
                  "what the upstream sent is not complete: " + id.hex() + " is missing");
    }
    if (type != GIT_OBJECT_COMMIT) {
      return false;
    }
    proof.look_at(oid);
  }
  return proof.run();
}

}  // namespace freshet::mirror
