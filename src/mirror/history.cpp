#include "mirror/history.h"

#include "mirror/commit_links.h"
#include "mirror/git2.h"

namespace freshet::mirror {
namespace {

struct FreeDiff {
  void operator()(git_diff* handle) const { git_diff_free(handle); }
};

struct Collector {
  ChangedPaths changed;
  std::size_t most;
};

/// Collects a path instead of letting libgit2 keep it; ends the comparison when there are enough.
int collect(const git_diff* /*so_far*/, const git_diff_delta* delta, const char* /*pathspec*/,
            void* payload) {
  auto& collector = *static_cast<Collector*>(payload);
  if (collector.changed.paths.size() == collector.most) {
    collector.changed.truncated = true;
    return -1;
  }
  collector.changed.paths.emplace_back(delta->new_file.path);
  return 1;
}

Result<git2::Tree> tree_of(git_repository* repository, const ObjectId& id) {
  FRESHET_TRY(const git2::CommitLinks commit, git2::read_commit(repository, id));
  return git2::lookup_tree(repository, commit.tree);
}

bool has_commit(git_repository* repository, const git_oid& id) {
  return git2::read_commit(repository, id).has_value();
}

/// Both are there.
Result<bool> contains(git_repository* repository, const git_oid& descendant,
                      const git_oid& commit) {
  if (git_oid_equal(&descendant, &commit) != 0) {
    return true;
  }
  if (const auto near_by = git2::leads_to(repository, descendant, commit)) {
    return *near_by;
  }
  const int answer = git_graph_descendant_of(repository, &descendant, &commit);
  if (answer < 0) {
    return fail(git2::last_error("cannot compare commits", answer));
  }
  return answer == 1;
}

bool is_branch_or_tag(const git_reference* reference) {
  return git_reference_is_branch(reference) != 0 || git_reference_is_tag(reference) != 0;
}

}  // namespace

Result<ChangedPaths> changed_paths(const std::string& mirror,
                                   const std::optional<ObjectId>& old_commit,
                                   const ObjectId& new_commit, std::size_t most) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  git2::Tree old_tree;
  if (old_commit) {
    FRESHET_TRY(old_tree, tree_of(repository.get(), *old_commit));
  }
  FRESHET_TRY(const git2::Tree new_tree, tree_of(repository.get(), new_commit));
  Collector collector{{}, most};
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
  options.notify_cb = collect;
  options.payload = &collector;
  git_diff* raw = nullptr;
  const int code =
      git_diff_tree_to_tree(&raw, repository.get(), old_tree.get(), new_tree.get(), &options);
  const std::unique_ptr<git_diff, FreeDiff> diff(raw);
  if (code != 0 && !collector.changed.truncated) {
    return fail(git2::last_error("cannot compare the trees of two commits", code));
  }
  return std::move(collector.changed);
}

Result<bool> contains(const std::string& mirror, const ObjectId& descendant,
                      const ObjectId& commit) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  FRESHET_TRY(const git_oid from, git2::to_oid(descendant));
  FRESHET_TRY(const git_oid to, git2::to_oid(commit));
  if (!has_commit(repository.get(), to)) {
    return false;
  }
  return contains(repository.get(), from, to);
}

Result<bool> any_ref_contains(const std::string& mirror, const ObjectId& commit) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  FRESHET_TRY(const git_oid wanted, git2::to_oid(commit));
  if (!has_commit(repository.get(), wanted)) {
    return false;
  }
  git_reference_iterator* raw_iterator = nullptr;
  if (git_reference_iterator_new(&raw_iterator, repository.get()) != 0) {
    return fail(git2::last_error("cannot list the refs of " + mirror));
  }
  const git2::ReferenceIterator iterator(raw_iterator);
  git_reference* raw = nullptr;
  while (git_reference_next(&raw, iterator.get()) == 0) {
    const git2::Reference reference(raw);
    git_object* peeled = nullptr;
    if (!is_branch_or_tag(raw) || git_reference_peel(&peeled, raw, GIT_OBJECT_COMMIT) != 0) {
      continue;
    }
    const git2::Object tip(peeled);
    FRESHET_TRY(const bool found, contains(repository.get(), *git_object_id(peeled), wanted));
    if (found) {
      return true;
    }
  }
  return false;
}

Result<std::optional<RefName>> head_of(const std::string& mirror) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  git_reference* raw = nullptr;
  if (git_reference_lookup(&raw, repository.get(), "HEAD") != 0) {
    return fail(git2::last_error("cannot read HEAD of " + mirror));
  }
  const git2::Reference head(raw);
  if (git_reference_type(raw) != GIT_REFERENCE_SYMBOLIC) {
    return std::nullopt;
  }
  return RefName(git_reference_symbolic_target(raw));
}

Result<std::optional<RefName>> first_of(const std::string& mirror,
                                        const std::vector<RefName>& refs) {
  FRESHET_TRY(const git2::Repository repository, git2::open_bare(mirror));
  for (const RefName& ref : refs) {
    git_oid ignored;
    if (git_reference_name_to_id(&ignored, repository.get(), ref.text().c_str()) == 0) {
      return ref;
    }
  }
  return std::nullopt;
}

}  // namespace freshet::mirror
