#include "checkout/publisher.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/mount.h>
#include <utime.h>

#include <atomic>
#include <thread>

#include "mirror/slot_refs.h"
#include "support/checkout_fixture.h"

namespace freshet::checkout {
namespace {

using namespace std::chrono_literals;
using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::link_target;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class PublishTest : public CheckoutFixture {
 protected:
  ObjectId version(const std::string& text) {
    return commit({{"README", file(text)}, {"folder/same", file("same\n")}, {text, file(text)}});
  }
};

ino_t inode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

TEST_F(PublishTest, MakesARelativeLinkThatEndsInTheFullHash) {
  const ObjectId id = version("a");
  const Published published = must(publish(id));
  EXPECT_TRUE(published.changed);
  EXPECT_EQ(published.old_commit, std::nullopt);
  EXPECT_EQ(link_target(path_), ".docs.freshet/" + id.hex());
  EXPECT_THAT(must(list_directory(directory_ / "www")), ElementsAre(".docs.freshet", "docs"));
  const auto current = read_current(path_);
  ASSERT_TRUE(current);
  EXPECT_EQ(current->commit, id);
  expect_complete(id);
}

TEST_F(PublishTest, MakesMissingFoldersAboveThePath) {
  spec_.path = directory_ / "www/not/there/docs";
  must(publish(version("a")));
  EXPECT_TRUE(path_exists(spec_.path + "/README"));
}

TEST_F(PublishTest, WritesNothingWhenTheCommitIsThereAlready) {
  const ObjectId id = version("a");
  must(publish(id));
  const auto switched = read_current(path_)->switched_at;
  const ino_t before = inode_of(path_ + "/README");
  const auto folders = worktree_folders();
  const Published again = must(publish(id));
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.old_commit, id);
  EXPECT_EQ(read_current(path_)->switched_at, switched);
  EXPECT_EQ(inode_of(path_ + "/README"), before);
  EXPECT_EQ(worktree_folders(), folders);
}

TEST_F(PublishTest, GoesToAnotherCommitAndBackToTheTreeThatIsStillThere) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  const ino_t of_a = inode_of(path_ + "/README");
  const Published second = must(publish(b));
  EXPECT_EQ(second.old_commit, a);
  EXPECT_TRUE(second.changed);
  expect_complete(b);
  EXPECT_EQ(snapshot_of(slot(a)), reference(a)) << "a reader of the old tree keeps it";
  must(publish(a));
  expect_complete(a);
  EXPECT_EQ(inode_of(path_ + "/README"), of_a);
  EXPECT_THAT(trees(), UnorderedElementsAre(a.hex(), b.hex()));
}

TEST_F(PublishTest, TheOldTreeStaysAWorkingTreeForGit) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  must(publish(b));
  EXPECT_EQ(git(slot(a), {"status", "--porcelain"}), "");
  EXPECT_EQ(git(slot(a), {"rev-parse", "HEAD"}), a.hex());
  EXPECT_EQ(git(path_, {"rev-parse", "--show-toplevel"}), slot(b));
  EXPECT_EQ(git(mirror_, {"worktree", "prune", "--verbose", "--dry-run"}), "");
}

TEST_F(PublishTest, BringsBackATreeThatSomebodyRemoved) {
  const ObjectId id = version("a");
  must(publish(id));
  must(remove_tree(slot(id)));
  must(publish(id));
  expect_complete(id);
  EXPECT_THAT(worktree_folders(), SizeIs(1));
}

// --- sweeping ---

TEST_F(PublishTest, SweepsATreeThatNobodyShallKeep) {
  spec_.keep_old = 0s;
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  must(publish(b));
  EXPECT_EQ(must(sweep(spec_, mirror_)), std::nullopt);
  EXPECT_THAT(trees(), ElementsAre(b.hex()));
  EXPECT_THAT(spares(), ElementsAre("spare." + a.hex()));
  EXPECT_THAT(must(list_directory(slots_)),
              UnorderedElementsAre("README", "lock", b.hex(), "spare." + a.hex()));
  expect_complete(b);
}

TEST_F(PublishTest, KeepsNoMoreThanTwoSpares) {
  spec_.keep_old = 0s;
  std::vector<ObjectId> versions;
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    versions.push_back(version(text));
    spec_.keep_old = 10min;
    must(publish(versions.back()));
  }
  spec_.keep_old = 0s;
  must(sweep(spec_, mirror_));
  EXPECT_THAT(trees(), ElementsAre(versions.back().hex()));
  EXPECT_THAT(spares(), SizeIs(2));
  EXPECT_THAT(worktree_folders(), SizeIs(3)) << "what git knew of the others goes too";
  expect_complete(versions.back());
}

TEST_F(PublishTest, SweepsNothingThatShallBeKept) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  must(publish(b));
  const auto next = must(sweep(spec_, mirror_));
  ASSERT_TRUE(next);
  EXPECT_GT(*next, wall_now());
  EXPECT_LE(*next, wall_now() + spec_.keep_old);
  EXPECT_EQ(snapshot_of(slot(a)), reference(a));
}

TEST_F(PublishTest, NeverSweepsTheTreeThatIsShownHoweverItGotThere) {
  spec_.keep_old = 0s;
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  must(publish(b));
  must(publish(a));
  must(sweep(spec_, mirror_));
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
  expect_complete(a);
}

TEST_F(PublishTest, SweepsWhatAKilledRunLeft) {
  const ObjectId id = version("a");
  must(publish(id));
  must(make_directories(slots_ + "/tmp.0123456789abcdef/folder"));
  must(write_new_file(slots_ + "/tmp.0123456789abcdef/folder/file", "half"));
  must(make_directories(slots_ + "/trash.0123456789abcdef"));
  ASSERT_EQ(::symlink("nowhere", (slots_ + "/link.0123456789abcdef").c_str()), 0);
  must(sweep(spec_, mirror_));
  EXPECT_THAT(must(list_directory(slots_)), UnorderedElementsAre("README", "lock", id.hex()));
  expect_complete(id);
}

TEST_F(PublishTest, SweepingFollowsNoLinkOutOfALeftover) {
  must(publish(version("a")));
  must(make_directories(directory_ / "outside"));
  must(write_new_file(directory_ / "outside/precious", "mine"));
  must(make_directories(slots_ + "/tmp.1"));
  ASSERT_EQ(::symlink((directory_ / "outside").c_str(), (slots_ + "/tmp.1/out").c_str()), 0);
  ASSERT_EQ(::symlink((directory_ / "outside").c_str(), (slots_ + "/tmp.2").c_str()), 0);
  // A .git that names a folder of somebody else's.
  must(write_new_file(slots_ + "/tmp.1/.git", "gitdir: " + directory_ / "outside" + "\n"));
  must(sweep(spec_, mirror_));
  EXPECT_EQ(must(read_file(directory_ / "outside/precious")), "mine");
  EXPECT_FALSE(path_exists(slots_ + "/tmp.2"));
}

TEST_F(PublishTest, SweepingLeavesWhatItDoesNotKnow) {
  const ObjectId id = version("a");
  must(publish(id));
  must(write_new_file(slots_ + "/notes", "mine"));
  must(make_directories(slots_ + "/state/mirrors"));
  must(sweep(spec_, mirror_));
  EXPECT_TRUE(path_exists(slots_ + "/notes"));
  EXPECT_TRUE(path_exists(slots_ + "/state/mirrors"));
}

TEST_F(PublishTest, SweepingWhereNothingWasEverPublishedDoesNothing) {
  EXPECT_EQ(must(sweep(spec_, mirror_)), std::nullopt);
  EXPECT_THAT(must(list_directory(directory_ / "www")), IsEmpty());
}

TEST_F(PublishTest, FoldersOfTreesThatACrashLeftInTheMirrorAreRemoved) {
  const ObjectId a = version("a");
  must(publish(a));
  const std::string ours = must(list_directory(mirror_ + "/worktrees")).front();
  // As after a kill between the making of the folder and the renaming of the tree.
  const std::string stale = mirror_ + "/worktrees/freshet-0000000000000000";
  must(make_directories(stale));
  must(write_new_file(stale + "/gitdir", slots_ + "/" + std::string(40, 'e') + "/.git\n"));
  // And before the way back was written into it: named as the folder of the tree that is there.
  const std::string unfinished = mirror_ + "/worktrees/" + ours.substr(0, ours.rfind('-')) + "-0";
  must(make_directories(unfinished));
  must(write_new_file(unfinished + "/gitdir", ""));
  const std::string foreign = mirror_ + "/worktrees/mine";
  must(make_directories(foreign));
  must(write_new_file(foreign + "/gitdir", directory_ / "elsewhere/.git\n"));
  must(publish(version("b")));
  EXPECT_FALSE(path_exists(stale));
  EXPECT_FALSE(path_exists(unfinished));
  EXPECT_TRUE(path_exists(foreign)) << "a working tree that a person added";
  EXPECT_EQ(git(slot(a), {"status", "--porcelain"}), "");
}

// --- spares ---

class SpareTest : public PublishTest {
 protected:
  std::string slot_refs() const {
    return git(mirror_, {"for-each-ref", "--format=%(objectname)", "refs/freshet/slots"});
  }
};

TEST_F(SpareTest, IsMadeOfLinksToTheCurrentTree) {
  const ObjectId a = version("a");
  must(publish(a));
  must(write_new_file(path_ + "/left by a reader", "x"));
  must(prepare_spare(spec_, mirror_, cancel_));
  ASSERT_THAT(spares(), ElementsAre("spare." + a.hex()));
  const std::string spare = slots_ + "/spare." + a.hex();
  EXPECT_EQ(inode_of(spare + "/README"), inode_of(path_ + "/README"));
  EXPECT_EQ(snapshot_of(spare), reference(a));
  EXPECT_EQ(git(spare, {"status", "--porcelain"}), "");
  must(remove_tree(path_ + "/left by a reader"));
  expect_complete(a);
}

TEST_F(SpareTest, BecomesTheNextTreeByWhatDiffers) {
  const ObjectId a = version("a");
  must(publish(a));
  must(prepare_spare(spec_, mirror_, cancel_));
  const ino_t same = inode_of(path_ + "/folder/same");
  const ino_t readme = inode_of(path_ + "/README");
  const ObjectId b = version("b");
  must(publish(b));
  EXPECT_THAT(spares(), IsEmpty());
  EXPECT_EQ(inode_of(path_ + "/folder/same"), same) << "not written again";
  EXPECT_NE(inode_of(path_ + "/README"), readme) << "the old tree shares it";
  expect_complete(b);
  EXPECT_EQ(snapshot_of(slot(a)), reference(a));
}

TEST_F(SpareTest, IsNotNeededForWhatChangesLittle) {
  freshet::testing::Tree tree{{"folder/same", file("same\n")}, {"x", file("x")}, {"y", file("y")}};
  must(publish(commit(tree)));
  const ino_t same = inode_of(path_ + "/folder/same");
  tree["x"] = file("changed");
  const ObjectId b = commit(tree);
  must(publish(b));
  EXPECT_EQ(inode_of(path_ + "/folder/same"), same);
  expect_complete(b);
}

TEST_F(SpareTest, OfTheCommitThatIsWantedIsOnlyRenamed) {
  spec_.keep_old = 0s;
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  const ino_t readme = inode_of(path_ + "/README");
  must(publish(b));
  must(sweep(spec_, mirror_));
  must(publish(a));
  EXPECT_EQ(inode_of(path_ + "/README"), readme);
  expect_complete(a);
}

TEST_F(SpareTest, IsNoTreeThatSomebodyLeftFilesInOrTookSomeFrom) {
  spec_.keep_old = 0s;
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  for (const bool adds : {true, false}) {
    must(publish(a));
    adds ? must(write_new_file(path_ + "/folder/mine", "x"))
         : must(remove_tree(path_ + "/folder/same"));
    must(publish(b));
    must(sweep(spec_, mirror_));
    EXPECT_THAT(spares(), IsEmpty());
    must(publish(a));
    expect_complete(a);
    must(publish(b));
    must(sweep(spec_, mirror_));
    must(publish(a));
    expect_complete(a);
    must(remove_tree(path_));
    must(remove_tree(slots_));
  }
}

TEST_F(SpareTest, OfAReplacedTreeTakesThatTreesPlace) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  spec_.keep_old = 10min;
  must(publish(b));
  must(prepare_spare(spec_, mirror_, cancel_));
  must(publish(a));  // its tree is still there, so the spare of b is not needed for it
  spec_.keep_old = 0s;
  ASSERT_THAT(spares(), ElementsAre("spare." + b.hex()));
  EXPECT_EQ(must(sweep(spec_, mirror_)), std::nullopt);
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
  EXPECT_THAT(spares(), ElementsAre("spare." + b.hex()));
  must(publish(b));
  expect_complete(b);
}

TEST_F(SpareTest, ThatIsDamagedCostsTimeAndNothingElse) {
  const ObjectId a = version("a");
  const ObjectId b = commit({{"README", file("b")}, {"folder", file("a file now\n")}});
  must(publish(a));
  must(prepare_spare(spec_, mirror_, cancel_));
  must(write_new_file(slots_ + "/spare." + a.hex() + "/folder/mine", "x"));
  must(publish(b));
  expect_complete(b);
  EXPECT_THAT(trees(), UnorderedElementsAre(a.hex(), b.hex()));
}

TEST_F(SpareTest, IsNotTakenWhileItIsHeld) {
  must(publish(version("a")));
  must(prepare_spare(spec_, mirror_, cancel_));
  const auto held = must(hold_tree(slots_ + "/" + spares().at(0)));
  const ObjectId b = version("b");
  must(publish(b));
  EXPECT_THAT(spares(), SizeIs(1));
  expect_complete(b);
}

TEST_F(SpareTest, SurvivesGarbageCollectionInTheMirror) {
  spec_.git = false;
  for (int round = 0; round < 2; ++round) {
    const ObjectId a = version("a");
    must(publish(a));
    must(prepare_spare(spec_, mirror_, cancel_));
    EXPECT_EQ(slot_refs(), spec_.git ? "" : a.hex());
    const ino_t same = inode_of(path_ + "/folder/same");
    const ObjectId b = version(round == 0 ? "b" : "c");  // shares no history with a
    git(mirror_, {"gc", "-q", "--prune=now"});
    must(publish(b));
    EXPECT_EQ(inode_of(path_ + "/folder/same"), same);
    expect_complete(b);

    must(remove_tree(path_));
    must(remove_tree(slots_));
    spec_.git = true;
    must(publish(b));
    const auto mirror = must(mirror::Mirror::open_or_create(mirror_, environment_));
    must(mirror::forget_packed_slot_refs(mirror.place()));
    EXPECT_EQ(slot_refs(), "");
  }
}

TEST_F(SpareTest, IsGivenUpWhereSpaceIsLow) {
  spec_.keep_old = 0s;
  must(publish(version("a")));
  must(publish(version("b")));
  must(prepare_spare(spec_, mirror_, cancel_));
  EXPECT_THAT(spares(), SizeIs(1));
  spec_.min_free_disk = std::uint64_t{1} << 60U;
  must(sweep(spec_, mirror_));
  must(prepare_spare(spec_, mirror_, cancel_));
  EXPECT_THAT(spares(), IsEmpty());
  EXPECT_THAT(trees(), SizeIs(1));
  const ObjectId c = version("c");
  must(publish(c));
  expect_complete(c);
}

TEST_F(PublishTest, WhatWouldLeaveTooLittleRoomIsNotPublished) {
  const ObjectId small = commit({{"file", file("small")}});
  const ObjectId large = commit({{"file", file(std::string(20'000'000, 'x'))}});
  spec_.min_free_disk = std::uint64_t{1} << 60U;
  must(publish(small));
  const auto result = publish(large);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::no_space) << result.error().message;
  expect_complete(small);
  EXPECT_THAT(trees(), SizeIs(1));
}

TEST_F(PublishTest, AFullDiskIsGotOverOnceThereIsRoom) {
  const std::string disk = directory_ / "disk";
  must(make_directories(disk));
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "a small file system cannot be mounted here";
  }
  spec_.path = disk + "/docs";
  const ObjectId a = commit({{"file", file(std::string(700'000, 'a'))}});
  const ObjectId b = commit({{"file", file(std::string(900'000, 'b'))}});
  must(publish(a));
  must(prepare_spare(spec_, mirror_, cancel_));
  must(write_new_file(disk + "/ballast", std::string(1'000'000, 'x')));
  for (int i = 0; i < 3; ++i) {
    const auto result = publish(b);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_class, ErrorClass::no_space) << result.error().message;
    EXPECT_EQ(read_current(spec_.path)->commit, a);
    expect_same(snapshot_of(spec_.path + "/."), reference(a));
    EXPECT_EQ(git(spec_.path, {"status", "--porcelain"}), "");
  }
  must(remove_tree(disk + "/ballast"));
  must(publish(b));
  expect_same(snapshot_of(spec_.path + "/."), reference(b));
  git(mirror_, {"fsck", "--strict"});
  ::umount2(disk.c_str(), MNT_DETACH);
}

// --- what is not ours ---

TEST_F(PublishTest, RefusesAForeignPathAndLeavesItAlone) {
  const ObjectId id = version("a");
  must(make_directories(directory_ / "elsewhere/" + std::string(40, 'a')));
  const std::vector<std::pair<const char*, std::function<void()>>> table{
      {"file", [&] { must(write_new_file(path_, "mine")); }},
      {"empty folder", [&] { must(make_directories(path_)); }},
      {"folder", [&] { must(make_directories(path_ + "/mine")); }},
      {"link", [&] { ASSERT_EQ(::symlink("../elsewhere", path_.c_str()), 0); }},
      {"dangling link", [&] { ASSERT_EQ(::symlink("no/where", path_.c_str()), 0); }},
      {"link to a hash elsewhere",
       [&] {
         ASSERT_EQ(::symlink(("../elsewhere/" + std::string(40, 'a')).c_str(), path_.c_str()), 0);
       }},
      {"link into ours, but to no commit",
       [&] { ASSERT_EQ(::symlink(".docs.freshet/mine", path_.c_str()), 0); }},
      {"link deeper into ours",
       [&] {
         ASSERT_EQ(::symlink((".docs.freshet/" + id.hex() + "/folder").c_str(), path_.c_str()), 0);
       }},
      {"pipe", [&] { ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0); }},
  };
  for (const auto& [what, make] : table) {
    make();
    const auto before = snapshot_of(directory_ / "www");
    const auto result = publish(id);
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(result.error().error_class, ErrorClass::conflict) << what;
    EXPECT_THAT(result.error().message, HasSubstr(path_));
    EXPECT_EQ(snapshot_of(directory_ / "www"), before)
        << what << " is not touched, nothing is made";
    EXPECT_THAT(worktree_folders(), IsEmpty());
    must(remove_tree(path_));
  }
}

TEST_F(PublishTest, RefusesAForeignFolderBesideThePath) {
  const ObjectId id = version("a");
  const std::vector<std::pair<const char*, std::function<void()>>> table{
      {"file", [&] { must(write_new_file(slots_, "mine")); }},
      {"folder with something in it",
       [&] {
         must(make_directories(slots_));
         must(write_new_file(slots_ + "/precious", "mine"));
       }},
      {"folder with a README of somebody's",
       [&] {
         must(make_directories(slots_));
         must(write_new_file(slots_ + "/README", "mine"));
         must(write_new_file(slots_ + "/precious", "mine"));
       }},
      {"link to a folder",
       [&] {
         must(make_directories(directory_ / "elsewhere"));
         ASSERT_EQ(::symlink("../elsewhere", slots_.c_str()), 0);
       }},
  };
  for (const auto& [what, make] : table) {
    make();
    const auto before = snapshot_of(directory_.path());
    const auto result = publish(id);
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(result.error().error_class, ErrorClass::conflict) << what;
    EXPECT_THAT(result.error().message, HasSubstr(slots_));
    EXPECT_EQ(snapshot_of(directory_.path()), before) << what;
    must(remove_tree(slots_));
  }
}

TEST_F(PublishTest, TakesTheEmptyFolderThatAKilledRunMade) {
  must(make_directories(slots_));
  const ObjectId id = version("a");
  must(publish(id));
  expect_complete(id);
}

TEST_F(PublishTest, LeavesAPathThatSomebodyPutInTheWayMeanwhile) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  must(remove_tree(path_));
  must(make_directories(path_ + "/mine"));
  ASSERT_FALSE(publish(b));
  EXPECT_TRUE(is_directory(path_ + "/mine"));
}

TEST_F(PublishTest, MakesTheLinkAnewThatSomebodyRemoved) {
  const ObjectId a = version("a");
  must(publish(a));
  must(remove_tree(path_));
  EXPECT_TRUE(must(publish(a)).changed);
  expect_complete(a);
}

// --- .git ---

TEST_F(PublishTest, SwitchesGitOffAndOnOnTheSameCommit) {
  const ObjectId id = version("a");
  spec_.git = false;
  must(publish(id));
  EXPECT_FALSE(path_exists(path_ + "/.git"));
  EXPECT_THAT(worktree_folders(), IsEmpty());
  expect_complete(id);
  for (int i = 0; i < 2; ++i) {
    spec_.git = true;
    EXPECT_FALSE(must(publish(id)).changed);
    expect_complete(id);
    EXPECT_THAT(worktree_folders(), SizeIs(1));
    spec_.git = false;
    EXPECT_FALSE(must(publish(id)).changed);
    EXPECT_FALSE(path_exists(path_ + "/.git"));
    EXPECT_THAT(worktree_folders(), IsEmpty());
  }
}

TEST_F(PublishTest, ABrokenGitFolderIsMended) {
  const ObjectId id = version("a");
  must(publish(id));
  for (const char* name : {"index", "HEAD", "commondir"}) {
    const std::string folder = mirror_ + "/worktrees/" + worktree_folders().at(0);
    must(remove_tree(folder + "/" + name));
    must(publish(id));
    expect_complete(id);
    EXPECT_THAT(worktree_folders(), SizeIs(1)) << name;
  }
}

TEST_F(PublishTest, AMirrorThatWasDeletedAndFetchedAgainGetsTheTreeBack) {
  const ObjectId id = version("a");
  must(publish(id));
  must(remove_tree(mirror_));
  bring();
  const ino_t before = inode_of(path_ + "/README");
  const Published published = must(publish(id));
  EXPECT_FALSE(published.changed);
  EXPECT_EQ(inode_of(path_ + "/README"), before) << "the tree itself stays";
  expect_complete(id);
  must(publish(version("b")));
  EXPECT_EQ(git(slot(id), {"status", "--porcelain"}), "");
}

TEST_F(PublishTest, AMirrorAtAnotherPlaceTakesTheTreeOver) {
  const ObjectId id = version("a");
  must(publish(id));
  ASSERT_EQ(::rename(mirror_.c_str(), (directory_ / "old.git").c_str()), 0);
  bring();
  must(publish(id));
  expect_complete(id);
  EXPECT_THAT(worktree_folders(), SizeIs(1));
}

TEST_F(PublishTest, WhatSomebodyChangedIsSeenByGitAfterARepair) {
  const ObjectId id = version("a");
  must(publish(id));
  must(write_file_atomically(path_ + "/README", "b"));
  // Not in this second: git reads what is as young as its index anyway.
  const utimbuf long_ago{1700000000, 1700000000};
  ASSERT_EQ(::utime((path_ + "/README").c_str(), &long_ago), 0);
  must(remove_tree(path_ + "/folder/same"));
  must(remove_tree(mirror_));
  bring();
  must(publish(id));
  EXPECT_EQ(git(path_, {"status", "--porcelain"}), " M README\n D folder/same");
}

TEST_F(PublishTest, SeveralCheckoutsOfOneMirrorDoNotDisturbEachOther) {
  const ObjectId a = version("a");
  must(publish(a));
  CheckoutSpec other = spec_;
  other.path = directory_ / "www/docs2";
  const CancelToken cancel;
  must(checkout::publish(other, mirror_, a, cancel));
  must(publish(version("b")));
  spec_.keep_old = 0s;
  must(sweep(spec_, mirror_));
  EXPECT_EQ(git(other.path, {"status", "--porcelain"}), "");
  EXPECT_EQ(git(other.path, {"rev-parse", "HEAD"}), a.hex());
  EXPECT_THAT(worktree_folders(), SizeIs(3)) << "two trees and a spare";
}

// --- who may read ---

TEST_F(PublishTest, GivesEverythingToTheGroup) {
  const group* entry = ::getgrnam("games");
  if (::geteuid() != 0 || entry == nullptr) {
    GTEST_SKIP() << "only root may give files to any group";
  }
  const gid_t wanted = entry->gr_gid;
  spec_.group = "games";
  const ObjectId id = commit({{"file", file("x")},
                              {"folder/run", {"100755", "x"}},
                              {"link", {"120000", "file"}},
                              {"lib", {"160000", std::string(40, 'd')}}});
  must(publish(id));
  for (const char* name : {"", "/file", "/folder", "/folder/run", "/link", "/lib"}) {
    struct stat info {};
    ASSERT_EQ(::lstat((slot(id) + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_gid, wanted) << name;
  }
  expect_complete(id);
}

TEST_F(PublishTest, GivesATreeThatIsThereToAGroupThatTheConfigurationNamesLater) {
  const group* entry = ::getgrnam("games");
  if (::geteuid() != 0 || entry == nullptr) {
    GTEST_SKIP() << "only root may give files to any group";
  }
  const ObjectId id = commit({{"file", file("x")}, {"a/b/c", file("y")}, {"a/d", file("z")}});
  must(publish(id));
  for (const auto& [name, wanted] :
       {std::pair<std::string, gid_t>("games", entry->gr_gid), {"", ::getegid()}}) {
    spec_.group = name;
    must(publish(id));
    for (const char* path : {"", "/file", "/a", "/a/b", "/a/b/c", "/a/d"}) {
      struct stat info {};
      ASSERT_EQ(::lstat((slot(id) + path).c_str(), &info), 0);
      EXPECT_EQ(info.st_gid, wanted) << path;
    }
    expect_complete(id);
  }
}

TEST_F(PublishTest, AnUnknownGroupIsAnErrorThatNamesIt) {
  spec_.group = "no-such-group";
  const auto result = publish(version("a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::config);
  EXPECT_THAT(result.error().message, HasSubstr("no-such-group"));
  EXPECT_FALSE(path_exists(path_));
  EXPECT_THAT(trees(), IsEmpty());
}

// --- what goes wrong ---

TEST_F(PublishTest, ACancelledOneLeavesWhatReadersSee) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  cancel_.cancel();
  const auto result = publish(b);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::conflict);
  expect_complete(a);
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
  EXPECT_THAT(worktree_folders(), SizeIs(1));
}

TEST_F(PublishTest, ACommitThatIsNotThereChangesNothing) {
  const ObjectId a = version("a");
  must(publish(a));
  ASSERT_FALSE(publish(ObjectId::parse(std::string(40, 'e')).value()));
  expect_complete(a);
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
}

TEST_F(PublishTest, AMissingObjectIsCorruption) {
  const ObjectId a = version("a");
  const ObjectId b = commit({{"README", file("lost")}, {"zebra", file("kept")}});
  must(publish(a));
  // A blob taken out of the mirror, as after damage to the disk.
  const std::string lost = blob("lost");
  for (const std::string& name : must(list_directory(mirror_ + "/objects/pack"))) {
    const std::string pack = mirror_ + "/objects/pack/" + name;
    if (name.ends_with(".pack")) {
      ASSERT_EQ(::rename(pack.c_str(), (directory_ / name).c_str()), 0);
      git(mirror_, {"unpack-objects", "-q"}, must(read_file(directory_ / name)));
    } else {
      must(remove_tree(pack));
    }
  }
  must(remove_tree(mirror_ + "/objects/" + lost.substr(0, 2) + "/" + lost.substr(2)));
  const auto result = publish(b);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr(lost));
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
}

// --- several at once ---

TEST_F(PublishTest, TwoPublishersOfOnePathTakeTurns) {
  std::vector<ObjectId> versions;
  for (const char* text : {"a", "b", "c"}) {
    versions.push_back(version(text));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t j = 0; j < 12; ++j) {
        const auto result = publish(versions[(j + static_cast<std::size_t>(i)) % 3]);
        EXPECT_TRUE(result) << result.error().message;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto current = read_current(path_);
  ASSERT_TRUE(current);
  expect_complete(current->commit);
  EXPECT_THAT(trees(), SizeIs(3));
  EXPECT_THAT(worktree_folders(), SizeIs(3));
}

TEST_F(PublishTest, AReaderNeverFindsThePathMissingOrMixed) {
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  spec_.keep_old = 10min;
  must(publish(a));
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::thread reader([&] {
    while (!done) {
      const UniqueFd tree(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      ASSERT_TRUE(tree);
      const UniqueFd readme(::openat(tree.get(), "README", O_RDONLY | O_CLOEXEC));
      ASSERT_TRUE(readme);
      char text = 0;
      ASSERT_EQ(::read(readme.get(), &text, 1), 1);
      EXPECT_EQ(::faccessat(tree.get(), text == 'a' ? "a" : "b", R_OK, 0), 0);
      EXPECT_NE(::faccessat(tree.get(), text == 'a' ? "b" : "a", R_OK, 0), 0);
      ++reads;
    }
  });
  for (int i = 0; i < 30 || reads < 100; ++i) {
    must(publish(i % 2 == 0 ? b : a));
    must(sweep(spec_, mirror_));
  }
  done = true;
  reader.join();
}

TEST_F(PublishTest, ASweepMeetsNoPublicationHalfWay) {
  spec_.keep_old = 0s;
  const ObjectId a = version("a");
  const ObjectId b = version("b");
  must(publish(a));
  std::atomic<bool> done{false};
  std::thread sweeper([&] {
    while (!done) {
      must(sweep(spec_, mirror_));
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(publish(i % 2 == 0 ? b : a));
  }
  done = true;
  sweeper.join();
  must(sweep(spec_, mirror_));
  expect_complete(a);
  EXPECT_THAT(trees(), ElementsAre(a.hex()));
}

}  // namespace
}  // namespace freshet::checkout
