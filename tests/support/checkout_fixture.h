#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "mirror/mirror.h"
#include "support/git_fixture.h"
#include "support/tree_snapshot.h"

namespace freshet::testing {

/// What a commit shall hold at one path. The mode is git's; a submodule's content is its commit.
struct Entry {
  std::string mode;
  std::string content;
};
using Tree = std::map<std::string, Entry>;

inline Entry file(std::string content) {
  return {"100644", std::move(content)};
}

/// An upstream to commit in, a mirror of it, and a checkout to publish.
class CheckoutFixture : public ::testing::Test {
 protected:
  // As every command of the program has them.
  void SetUp() override {
    ::umask(022);
    ::signal(SIGPIPE, SIG_IGN);
    must(make_directories(directory_ / "www"));
    spec_.path = path_;
  }

  std::string blob(const std::string& content) const {
    return source_.git({"hash-object", "-w", "--stdin"}, content);
  }

  /// A commit of exactly these paths, whatever stands in the source's working tree.
  ObjectId commit(const Tree& tree) const {
    std::map<std::string, std::string> blobs;
    std::string entries;
    for (const auto& [path, entry] : tree) {
      std::string& id = blobs[entry.content];
      if (id.empty()) {
        id = entry.mode == "160000" ? entry.content : blob(entry.content);
      }
      entries += entry.mode + " " + id + "\t" + path + std::string(1, '\0');
    }
    source_.git({"read-tree", "--empty"});
    source_.git({"update-index", "-z", "--index-info"}, entries);
    return commit_tree(source_.git({"write-tree"}));
  }

  /// A commit of a tree object, in the mirror too.
  ObjectId commit_tree(const std::string& tree) const {
    const std::string id = source_.git({"commit-tree", "-m", "change", tree});
    source_.git({"update-ref", "refs/heads/main", id});
    bring();
    return ObjectId::parse(id).value();
  }

  /// Makes the mirror, where it is missing, and fetches everything.
  void bring() const {
    must(mirror::Mirror::open_or_create(mirror_, environment_));
    git(mirror_, {"-c", "transfer.fsckObjects=false", "fetch", "-q", "--no-write-fetch-head",
                  source_.path(), "+refs/heads/*:refs/heads/*"});
  }

  Result<checkout::Published> publish(const ObjectId& commit) const {
    return checkout::publish(spec_, mirror_, commit, cancel_);
  }

  /// What git itself makes of the commit.
  Snapshot reference(const ObjectId& commit) const {
    const TemporaryDirectory place;
    source_.git({"worktree", "add", "-q", "--detach", place / "tree", commit.hex()});
    const Snapshot snapshot = snapshot_of(place / "tree");
    source_.git({"worktree", "remove", "--force", place / "tree"});
    return snapshot;
  }

  /// The tree behind the link is git's own, to the byte.
  void expect_same_tree(const ObjectId& commit) const {
    EXPECT_EQ(link_target(path_), ".docs.freshet/" + commit.hex());
    expect_same(snapshot_of(slot(commit)), reference(commit));
  }

  static void expect_same(const Snapshot& found, const Snapshot& wanted) {
    for (const auto& [path, seen] : wanted) {
      const auto position = found.find(path);
      if (position == found.end()) {
        ADD_FAILURE() << "lacks " << path;
      } else {
        EXPECT_EQ(position->second, seen) << path;
      }
    }
    for (const auto& [path, seen] : found) {
      EXPECT_EQ(wanted.count(path), 1U) << "has " << path;
    }
  }

  /// And git finds nothing to say about it.
  void expect_complete(const ObjectId& commit) const {
    expect_same_tree(commit);
    if (spec_.git) {
      EXPECT_EQ(git(path_, {"status", "--porcelain", "--ignored"}), "");
      EXPECT_EQ(git(path_, {"log", "-1", "--format=%H"}), commit.hex());
    }
  }

  std::string slot(const ObjectId& commit) const { return slots_ + "/" + commit.hex(); }

  /// Names in the directory beside the link that are trees for readers, or leftovers.
  std::vector<std::string> trees() const { return directories(false); }
  /// Names of trees that nobody reads.
  std::vector<std::string> spares() const { return directories(true); }

  std::vector<std::string> worktree_folders() const {
    return is_directory(mirror_ + "/worktrees") ? must(list_directory(mirror_ + "/worktrees"))
                                                : std::vector<std::string>();
  }

  std::vector<std::string> directories(bool of_spares) const {
    std::vector<std::string> names;
    for (const std::string& name : must(list_directory(slots_))) {
      if (is_directory(slots_ + "/" + name) && name.starts_with("spare.") == of_spares) {
        names.push_back(name);
      }
    }
    return names;
  }

  TemporaryDirectory directory_;
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  GitRepository source_{directory_ / "source"};
  const std::string mirror_ = directory_ / "mirror.git";
  const std::string path_ = directory_ / "www/docs";
  const std::string slots_ = directory_ / "www/.docs.freshet";
  checkout::CheckoutSpec spec_;
  CancelToken cancel_;
};

}  // namespace freshet::testing
