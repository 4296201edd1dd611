#include "checkout/worktree_repair.h"

#include <gmock/gmock.h>

#include "support/checkout_fixture.h"

namespace freshet::checkout {
namespace {

using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::must;
using ::testing::IsEmpty;

/// What git keeps of a tree in the mirror, damaged as disks do it.
class WorktreeRepairTest : public CheckoutFixture {
 protected:
  ObjectId version(const std::string& text) {
    return commit({{"README", file(text)}, {"folder/same", file("same\n")}});
  }

  std::string folder_of(const std::string& tree) const {
    const std::string git_file = must(read_file(tree + "/.git"));
    const std::string::size_type begin = std::string_view("gitdir: ").size();
    return git_file.substr(begin, git_file.size() - begin - 1);
  }

  static void flip(const std::string& path) {
    std::string content = must(read_file(path));
    content[content.size() / 2] ^= 0x10;
    must(remove_tree(path));
    must(write_new_file(path, content));
  }

  static void replace_by_directory(const std::string& path) {
    must(remove_tree(path));
    must(make_directories(path));
  }

  void repair() const { must(repair_worktrees(spec_, mirror_)); }

  void expect_git_works(const std::string& tree, const ObjectId& commit) const {
    EXPECT_EQ(git(tree, {"status", "--porcelain"}), "");
    EXPECT_EQ(git(tree, {"rev-parse", "HEAD"}), commit.hex());
    EXPECT_EQ(must(read_file(folder_of(tree) + "/gitdir")), tree + "/.git\n");
    git(mirror_, {"fsck", "--full"});
  }
};

constexpr const char* kFiles[] = {"/HEAD", "/commondir", "/gitdir", "/index", "/freshet-index"};

TEST_F(WorktreeRepairTest, TreesThatReadersMayBeInAreWorkingTreesAgain) {
  const ObjectId a = version("a");
  must(publish(a));
  const ObjectId b = version("b");
  must(publish(b));
  for (const char* name : kFiles) {
    SCOPED_TRACE(name);
    for (const ObjectId& commit : {a, b}) {
      flip(folder_of(slot(commit)) + name);
    }
    repair();
    expect_git_works(slot(a), a);
    expect_git_works(slot(b), b);
    replace_by_directory(folder_of(slot(b)) + name);
    repair();
    expect_git_works(slot(b), b);
  }
  EXPECT_THAT(must(list_directory(mirror_ + "/worktrees")), ::testing::SizeIs(2));
}

TEST_F(WorktreeRepairTest, ATreeThatIsPublishedInPlaceIsAWorkingTreeAgain) {
  spec_.mode = "in_place";
  const ObjectId a = version("a");
  must(publish(a));
  for (const char* name : kFiles) {
    SCOPED_TRACE(name);
    flip(folder_of(path_) + name);
    repair();
    expect_git_works(path_, a);
  }
  flip(folder_of(path_) + "/freshet-index");
  const ObjectId b = version("b");
  must(publish(b));
  expect_git_works(path_, b);
}

TEST_F(WorktreeRepairTest, ADamagedSpareGoes) {
  const ObjectId id = version("a");
  must(publish(id));
  must(prepare_spare(spec_, mirror_, cancel_));
  const std::string spare = slots_ + "/spare." + id.hex();
  const std::string folder = folder_of(spare);
  const std::size_t before = must(list_directory(slots_)).size();
  flip(folder + "/HEAD");
  repair();
  EXPECT_EQ(must(list_directory(slots_)).size(), before - 1) << "nor does anything stay of it";
  EXPECT_FALSE(path_exists(spare));
  EXPECT_FALSE(path_exists(folder));
  expect_git_works(slot(id), id);
}

TEST_F(WorktreeRepairTest, WhatIsSoundStaysAsItIs) {
  const ObjectId id = version("a");
  must(publish(id));
  must(prepare_spare(spec_, mirror_, cancel_));
  const auto before = must(list_directory(mirror_ + "/worktrees"));
  repair();
  must(remove_broken_worktrees(mirror_));
  EXPECT_EQ(must(list_directory(mirror_ + "/worktrees")), before);
  EXPECT_TRUE(path_exists(slots_ + "/spare." + id.hex()));
}

TEST_F(WorktreeRepairTest, ATreeWhoseCommitANewMirrorLacksIsNoWorkingTreeAnyMore) {
  const ObjectId a = version("a");
  must(publish(a));
  const ObjectId b = version("b");  // no child of the other
  must(publish(b));
  const std::string worktrees = directory_ / "worktrees";
  ASSERT_EQ(::rename((mirror_ + "/worktrees").c_str(), worktrees.c_str()), 0);
  must(remove_tree(mirror_));
  bring();  // main alone, which is b
  ASSERT_EQ(::rename(worktrees.c_str(), (mirror_ + "/worktrees").c_str()), 0);
  repair();
  EXPECT_FALSE(path_exists(slot(a) + "/.git"));
  expect_git_works(slot(b), b);
}

TEST_F(WorktreeRepairTest, DamagedFilesOfATreeThatNobodyFollowsAreRemoved) {
  must(publish(version("a")));
  const std::string folder = mirror_ + "/worktrees/freshet-00000000-0000000000000000";
  must(make_directories(folder));
  must(write_new_file(folder + "/gitdir", directory_ / "elsewhere/.git\n"));
  must(write_new_file(folder + "/commondir", "../..\n"));
  must(write_new_file(folder + "/HEAD", std::string(40, 'e') + "\n"));
  repair();
  EXPECT_TRUE(path_exists(folder)) << "another checkout's, for all that this one knows";
  must(remove_broken_worktrees(mirror_));
  EXPECT_FALSE(path_exists(folder));
  git(mirror_, {"fsck", "--full"});
}

}  // namespace
}  // namespace freshet::checkout
