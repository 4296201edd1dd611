#include "checkout/tree_diff.h"

#include <sys/stat.h>

#include <algorithm>

#include "checkout/attributes.h"
#include "checkout/path_rules.h"
#include "mirror/commit_links.h"
#include "mirror/git2.h"

namespace freshet::checkout {
namespace {

namespace git2 = mirror::git2;
using git2::kind_of;

constexpr int kDeepest = 1000;  ///< directories inside one another
/// Bytes. Programs name files by paths of at most 4,096 bytes, of which the tree's own takes some.
constexpr std::size_t kLongestPath = 3072;
constexpr std::size_t kShown = 80;  ///< of one that is longer

/// Where the comparison is, and what holds for everything below.
struct Scope {
  std::string prefix;  ///< "" or "a/b/"
  int depth = 0;
  bool has_attributes = false;  ///< the new commit has a .gitattributes here or above
  bool reconsider = false;      ///< and it is another one than before
};

/// As git's index has it.
std::uint32_t mode_of(const git_tree_entry* entry) {
  const unsigned kind = kind_of(entry);
  if (kind != S_IFREG) {
    return kind;
  }
  return (static_cast<unsigned>(git_tree_entry_filemode_raw(entry)) & S_IXUSR) != 0 ? 0100755
                                                                                    : 0100644;
}

bool is_same(const git_tree_entry* a, const git_tree_entry* b) {
  return mode_of(a) == mode_of(b) && git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) != 0;
}

/// An object that the commit names: one that is of another type damages it as a missing one does.
Result<git2::Tree> tree_at(git_repository* repository, const git_oid& id) {
  auto tree = git2::lookup_tree(repository, id);
  if (!tree && tree.error().error_class == ErrorClass::internal) {
    tree.error().error_class = ErrorClass::corrupt;
  }
  return tree;
}

Error must_not_be_written(const std::string& path) {
  return {
      ErrorClass::corrupt,
      "the commit contains the path " + path + ", which must not be written; nothing was published",
      std::nullopt};
}

/// Nothing but what can be written: safe names, known kinds, no name twice.
Result<void> check(const git_tree* tree, const std::string& prefix) {
  const std::size_t count = git_tree_entrycount(tree);
  std::vector<std::string_view> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
    const std::string_view name = git_tree_entry_name(entry);
    if (!is_safe_entry_name(name)) {
      return fail(must_not_be_written(prefix + std::string(name)));
    }
    const unsigned kind = kind_of(entry);
    if (kind != S_IFREG && kind != kDirectoryMode && kind != kLinkMode && kind != kSubmoduleMode) {
      return fail(ErrorClass::corrupt, "the commit contains " + prefix + std::string(name) +
                                           ", which is no file, link or directory");
    }
    if (i > 0 && git_tree_entry_cmp(git_tree_entry_byindex(tree, i - 1), entry) >= 0) {
      return fail(ErrorClass::corrupt,
                  "the commit's directory " + prefix + " is not in order at " + std::string(name));
    }
    if (kind != kDirectoryMode) {
      leaves.push_back(name);
    } else if (std::binary_search(leaves.begin(), leaves.end(), name)) {
      // In git's order a directory of the same name comes later than the file.
      return fail(must_not_be_written(prefix + std::string(name)));
    }
  }
  return {};
}

class Comparison {
 public:
  Comparison(git_repository* repository, const Attributes* before, const Attributes* after,
             const TreeLimits& limits)
      : repository_(repository), before_(before), after_(after), limits_(limits) {}

  Result<void> directory(const git_oid* old_id, const git_oid& new_id, Scope scope) {
    if (scope.depth > kDeepest) {
      return fail(ErrorClass::corrupt,
                  "the commit's directories are nested deeper than " + std::to_string(kDeepest));
    }
    FRESHET_TRY(const git2::Tree new_tree, tree_at(repository_, new_id));
    FRESHET_CHECK(check(new_tree.get(), scope.prefix));
    git2::Tree old_tree;
    if (old_id != nullptr) {
      FRESHET_TRY(old_tree, tree_at(repository_, *old_id));
    }
    note_attributes(old_tree.get(), new_tree.get(), scope);
    return merge(old_tree.get(), new_tree.get(), scope);
  }

  TreePlan take() { return std::move(plan_); }

 private:
  static void note_attributes(const git_tree* old_tree, const git_tree* new_tree, Scope& scope) {
    const auto* after = git_tree_entry_byname(new_tree, ".gitattributes");
    scope.has_attributes = scope.has_attributes || after != nullptr;
    if (old_tree != nullptr) {
      const auto* before = git_tree_entry_byname(old_tree, ".gitattributes");
      const bool same =
          before == nullptr || after == nullptr ? before == after : is_same(before, after);
      scope.reconsider = scope.reconsider || !same;
    }
  }

  /// Both are in git's order, in which a file and a directory of one name are different things.
  Result<void> merge(const git_tree* old_tree, const git_tree* new_tree, const Scope& scope) {
    const std::size_t old_count = old_tree != nullptr ? git_tree_entrycount(old_tree) : 0;
    const std::size_t new_count = git_tree_entrycount(new_tree);
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < old_count || j < new_count) {
      const auto* before = i < old_count ? git_tree_entry_byindex(old_tree, i) : nullptr;
      const auto* after = j < new_count ? git_tree_entry_byindex(new_tree, j) : nullptr;
      const int order = before == nullptr  ? 1
                        : after == nullptr ? -1
                                           : git_tree_entry_cmp(before, after);
      if (order < 0) {
        FRESHET_CHECK(remove(before, scope.prefix));
      } else if (order > 0) {
        FRESHET_CHECK(add(after, scope));
      } else {
        FRESHET_CHECK(change(before, after, scope));
      }
      i += order <= 0 ? 1 : 0;
      j += order >= 0 ? 1 : 0;
    }
    return {};
  }

  Result<void> remove(const git_tree_entry* entry, const std::string& prefix) {
    const std::string path = prefix + git_tree_entry_name(entry);
    if (kind_of(entry) == kDirectoryMode) {
      FRESHET_TRY(const git2::Tree tree, tree_at(repository_, *git_tree_entry_id(entry)));
      for (std::size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
        FRESHET_CHECK(remove(git_tree_entry_byindex(tree.get(), i), path + "/"));
      }
    }
    const bool is_directory = kind_of(entry) == kDirectoryMode || kind_of(entry) == kSubmoduleMode;
    plan_.removals.push_back({path, is_directory});
    return {};
  }

  Result<void> add(const git_tree_entry* entry, const Scope& scope, bool replaces = false) {
    const std::string path = scope.prefix + git_tree_entry_name(entry);
    const git_oid& id = *git_tree_entry_id(entry);
    FRESHET_CHECK(count(path));
    plan_.additions.push_back(
        {{path, mode_of(entry), git2::from_oid(id)}, replaces, scope.has_attributes});
    if (kind_of(entry) != kDirectoryMode) {
      return {};
    }
    return directory(nullptr, id, {path + "/", scope.depth + 1, scope.has_attributes, false});
  }

  Result<void> count(const std::string& path) {
    path_bytes_ += path.size();
    if (path.size() > kLongestPath) {
      return fail(must_not_be_written("of " + std::to_string(path.size()) + " bytes " +
                                      path.substr(0, kShown) + "..."));
    }
    if (plan_.additions.size() >= limits_.paths || path_bytes_ > limits_.path_bytes) {
      return fail(ErrorClass::corrupt, "the commit holds more than " +
                                           std::to_string(limits_.paths) + " paths, or " +
                                           std::to_string(limits_.path_bytes) +
                                           " bytes of names; nothing was published");
    }
    return {};
  }

  Result<void> change(const git_tree_entry* before, const git_tree_entry* after,
                      const Scope& scope) {
    const bool same = is_same(before, after);
    if (kind_of(after) == kDirectoryMode) {
      if (same && !scope.reconsider) {
        return {};
      }
      return directory(git_tree_entry_id(before), *git_tree_entry_id(after),
                       {scope.prefix + git_tree_entry_name(after) + "/", scope.depth + 1,
                        scope.has_attributes, scope.reconsider});
    }
    if (same) {
      return kind_of(after) == S_IFREG && scope.reconsider ? reconvert(after, scope)
                                                           : Result<void>();
    }
    const bool was_submodule = kind_of(before) == kSubmoduleMode;
    if (was_submodule != (kind_of(after) == kSubmoduleMode)) {
      FRESHET_CHECK(remove(before, scope.prefix));
      return add(after, scope);
    }
    return add(after, scope, true);
  }

  Result<void> reconvert(const git_tree_entry* entry, const Scope& scope) {
    const std::string path = scope.prefix + git_tree_entry_name(entry);
    FRESHET_TRY(const Conversion before, before_->conversion(path));
    FRESHET_TRY(const Conversion after, after_->conversion(path));
    return before == after ? Result<void>() : add(entry, scope, true);
  }

  git_repository* repository_;
  const Attributes* before_;
  const Attributes* after_;
  const TreeLimits& limits_;
  TreePlan plan_;
  std::size_t path_bytes_ = 0;  ///< of the additions
};

Result<void> list_directory_of(git_repository* repository, const git_oid& tree_id,
                               const std::string& prefix, std::vector<TreeEntry>& entries) {
  FRESHET_TRY(const git2::Tree tree, tree_at(repository, tree_id));
  if (git_tree_entrycount(tree.get()) == 0 && !prefix.empty()) {
    entries.push_back(
        {prefix.substr(0, prefix.size() - 1), kDirectoryMode, git2::from_oid(tree_id)});
  }
  for (std::size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
    std::string path = prefix + git_tree_entry_name(entry);
    if (kind_of(entry) == kDirectoryMode) {
      FRESHET_CHECK(list_directory_of(repository, *git_tree_entry_id(entry), path + "/", entries));
    } else {
      entries.push_back(
          {std::move(path), mode_of(entry), git2::from_oid(*git_tree_entry_id(entry))});
    }
  }
  return {};
}

Result<git_oid> root_of(git_repository* repository, const ObjectId& commit) {
  FRESHET_TRY(const git2::CommitLinks links, git2::read_commit(repository, commit));
  return links.tree;
}

}  // namespace

Result<TreePlan> plan_tree(const std::string& mirror_path, const std::optional<ObjectId>& from,
                           const ObjectId& to, const TreeLimits& limits) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror_path));
  FRESHET_TRY(const git_oid new_root, root_of(repository.get(), to));
  FRESHET_TRY(const Attributes after, Attributes::of(mirror_path, to));
  if (!from) {
    Comparison comparison(repository.get(), nullptr, &after, limits);
    FRESHET_CHECK(comparison.directory(nullptr, new_root, {}));
    return comparison.take();
  }
  FRESHET_TRY(const git_oid old_root, root_of(repository.get(), *from));
  if (git_oid_equal(&old_root, &new_root) != 0) {
    return TreePlan();
  }
  FRESHET_TRY(const Attributes before, Attributes::of(mirror_path, *from));
  Comparison comparison(repository.get(), &before, &after, limits);
  FRESHET_CHECK(comparison.directory(&old_root, new_root, {}));
  return comparison.take();
}

Result<std::vector<TreeEntry>> list_tree(const std::string& mirror_path, const ObjectId& commit) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror_path));
  FRESHET_TRY(const git_oid root, root_of(repository.get(), commit));
  std::vector<TreeEntry> entries;
  FRESHET_CHECK(list_directory_of(repository.get(), root, "", entries));
  return entries;
}

}  // namespace freshet::checkout
