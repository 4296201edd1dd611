#include "checkout/in_place.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/checkout_fixture.h"

namespace freshet::checkout {
namespace {

using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using freshet::testing::Tree;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

class InPlaceTest : public CheckoutFixture {
 protected:
  void SetUp() override {
    CheckoutFixture::SetUp();
    spec_.mode = "in_place";
  }

  std::string at(const std::string& name) const { return path_ + "/" + name; }

  void expect_shown(const ObjectId& commit) const {
    const auto current = read_current(path_);
    ASSERT_TRUE(current);
    EXPECT_EQ(current->commit, commit);
    expect_same(snapshot_of(path_), reference(commit));
    if (spec_.git) {
      EXPECT_EQ(git(path_, {"status", "--porcelain"}), "");
      EXPECT_EQ(git(path_, {"rev-parse", "HEAD"}), commit.hex());
      EXPECT_THAT(worktree_folders(), SizeIs(1));
    }
  }

  void expect_conflict(const ObjectId& commit, const std::string& name) {
    const auto before = snapshot_of(path_);
    const auto result = publish(commit);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().error_class, ErrorClass::conflict) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(at(name)));
    EXPECT_EQ(snapshot_of(path_), before) << "nothing is written or lost";
  }
};

TEST_F(InPlaceTest, ThePathIsARealDirectory) {
  const ObjectId id = commit({{"README", file("a\n")}, {"folder/file", file("b\n")}});
  EXPECT_TRUE(must(publish(id)).changed);
  EXPECT_TRUE(is_directory(path_));
  EXPECT_EQ(freshet::testing::link_target(path_), "");
  expect_shown(id);
  EXPECT_FALSE(must(publish(id)).changed);
}

TEST_F(InPlaceTest, ManyFilesOfOneDirectoryEachGetTheirOwnContent) {
  const auto version = [&](const std::string& text) {
    Tree tree;
    for (int i = 0; i < 1500; ++i) {
      tree["big/f" + std::to_string(i)] = file(text + " " + std::to_string(i) + "\n");
    }
    return commit(tree);
  };
  for (const char* text : {"a", "b", "c"}) {
    const ObjectId id = version(text);
    must(publish(id));
    expect_shown(id);
  }
}

TEST_F(InPlaceTest, IsGotOverHoweverOftenItFailed) {
  const ObjectId old = commit({{"dir/a", file("1\n")}});
  must(publish(old));
  const ObjectId next = commit({{"dir/a", file("2\n")}});
  CancelToken cancelled;
  cancelled.cancel();
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(freshet::checkout::publish(spec_, mirror_, next, cancelled));
  }
  must(publish(next));
  expect_shown(next);
}

TEST_F(InPlaceTest, IsGivenToAGroupThatTheConfigurationNamesLater) {
  const group* entry = ::getgrnam("games");
  if (::geteuid() != 0 || entry == nullptr) {
    GTEST_SKIP() << "only root may give files to any group";
  }
  const ObjectId id = commit({{"file", file("x")}, {"folder/file", file("y")}});
  must(publish(id));
  spec_.group = "games";
  must(publish(id));
  for (const char* name : {"", "/file", "/folder", "/folder/file"}) {
    struct stat info {};
    ASSERT_EQ(::lstat((path_ + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_gid, entry->gr_gid) << name;
  }
  expect_shown(id);
}

TEST_F(InPlaceTest, AnEmptyDirectoryIsTaken) {
  must(make_directories(path_));
  const ObjectId id = commit({{"README", file("a\n")}});
  must(publish(id));
  expect_shown(id);
}

TEST_F(InPlaceTest, AForeignPathIsRefusedAndLeftAlone) {
  const ObjectId id = commit({{"README", file("a\n")}});
  const std::vector<std::function<void()>> table{
      [&] { must(write_new_file(path_, "mine")); },
      [&] {
        must(make_directories(path_));
        must(write_new_file(at("precious"), "mine"));
      },
      [&] { ASSERT_EQ(::symlink("elsewhere", path_.c_str()), 0); },
  };
  for (const auto& make : table) {
    make();
    const auto before = snapshot_of(directory_ / "www");
    const auto result = publish(id);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_class, ErrorClass::conflict);
    auto after = snapshot_of(directory_ / "www");
    std::erase_if(after, [](const auto& seen) { return seen.first.starts_with(".docs.freshet"); });
    EXPECT_EQ(after, before);
    EXPECT_FALSE(read_current(path_));
    must(remove_tree(path_));
    must(remove_tree(slots_));
  }
}

TEST_F(InPlaceTest, TheLinkOfAnAtomicCheckoutIsRefused) {
  const ObjectId id = commit({{"README", file("a\n")}});
  spec_.mode = "atomic";
  must(publish(id));
  spec_.mode = "in_place";
  EXPECT_FALSE(publish(id));
  expect_same_tree(id);
}

TEST_F(InPlaceTest, FilesThatAreNotTrackedStay) {
  const ObjectId a = commit({{"folder/file", file("a\n")}, {"old/file", file("a\n")}});
  const ObjectId b = commit({{"folder/file", file("b\n")}});
  must(publish(a));
  must(write_new_file(at("mine"), "mine"));
  must(write_new_file(at("folder/mine"), "mine"));
  must(write_new_file(at("old/mine"), "mine"));
  must(publish(b));
  EXPECT_EQ(must(read_file(at("folder/file"))), "b\n");
  EXPECT_FALSE(path_exists(at("old/file")));
  for (const char* name : {"mine", "folder/mine", "old/mine"}) {
    EXPECT_EQ(must(read_file(at(name))), "mine") << name;
  }
}

TEST_F(InPlaceTest, AFileThatStandsInTheWayIsNamedBeforeAnythingIsWritten) {
  const Tree first{{"a", file("1\n")}, {"folder/x", file("1\n")}};
  const ObjectId before = commit(first);
  must(publish(before));
  Tree tree = first;
  tree["a"] = file("2\n");
  tree["new"] = file("2\n");
  const ObjectId with_file = commit(tree);
  must(write_new_file(at("new"), "mine"));
  expect_conflict(with_file, "new");
  must(remove_tree(at("new")));
  must(make_directories(at("new/sub")));
  expect_conflict(with_file, "new");
  must(remove_tree(at("new")));

  tree.erase("new");
  tree["new/below"] = file("2\n");
  const ObjectId with_folder = commit(tree);
  must(write_new_file(at("new"), "mine"));
  expect_conflict(with_folder, "new");
  must(remove_tree(at("new")));
  ASSERT_EQ(::symlink(directory_.path().c_str(), at("new").c_str()), 0);
  expect_conflict(with_folder, "new");
  EXPECT_FALSE(path_exists(directory_ / "below"));
  must(remove_tree(at("new")));

  tree.erase("folder/x");
  tree["folder"] = file("a file now\n");
  const ObjectId in_place_of_folder = commit(tree);
  must(write_new_file(at("folder/mine"), "mine"));
  expect_conflict(in_place_of_folder, "folder/mine");
  must(remove_tree(at("folder/mine")));
  must(publish(in_place_of_folder));
  expect_shown(in_place_of_folder);
}

TEST_F(InPlaceTest, AFileThatIsAlreadyWhatTheCommitHasIsNoObstacle) {
  must(publish(commit({{"a", file("1\n")}})));
  const ObjectId b =
      commit({{"a", file("1\n")}, {"new", file("same\n")}, {"link", {"120000", "new"}}});
  must(write_new_file(at("new"), "same\n"));
  ASSERT_EQ(::symlink("new", at("link").c_str()), 0);
  must(publish(b));
  expect_shown(b);
}

TEST_F(InPlaceTest, ADirectoryThatSomebodyMadeALinkIsNotFollowed) {
  const ObjectId a = commit({{"folder/x", file("1\n")}});
  const ObjectId b = commit({{"folder/x", file("2\n")}});
  must(publish(a));
  must(remove_tree(at("folder")));
  must(make_directories(directory_ / "outside"));
  must(write_new_file(directory_ / "outside/x", "mine"));
  ASSERT_EQ(::symlink((directory_ / "outside").c_str(), at("folder").c_str()), 0);
  expect_conflict(b, "folder");
  EXPECT_EQ(must(read_file(directory_ / "outside/x")), "mine");
}

TEST_F(InPlaceTest, AReaderOfAFileKeepsTheOldOneWhole) {
  const ObjectId a = commit({{"file", file(std::string(100'000, 'a'))}});
  const ObjectId b = commit({{"file", file(std::string(200'000, 'b'))}});
  must(publish(a));
  const UniqueFd open_file(::open(at("file").c_str(), O_RDONLY | O_CLOEXEC));
  must(publish(b));
  std::string content(300'000, '\0');
  EXPECT_EQ(::read(open_file.get(), content.data(), content.size()), 100'000);
  EXPECT_EQ(content.substr(0, 100'000), std::string(100'000, 'a'));
}

TEST_F(InPlaceTest, WhatAKilledProcessLeftHalfDoneIsCompleted) {
  Tree first;
  Tree second;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "f" + std::to_string(i % 20) + "/" + std::to_string(i);
    first[name] = file("first\n");
    second[name + (i % 4 == 0 ? "x" : "")] = file("second\n");
  }
  second["f3"] = file("a file now\n");
  for (auto it = second.lower_bound("f3/"); it != second.end() && it->first.starts_with("f3/");) {
    it = second.erase(it);
  }
  const std::vector<ObjectId> commits{commit(first), commit(second), commit(first)};
  must(publish(commits[0]));
  for (int crash = 0; crash < 40; ++crash) {
    const ObjectId& target = commits[static_cast<std::size_t>(1 + crash % 2)];
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      static_cast<void>(publish(target));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(crash * 700));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (crash % 3 == 2) {
      must(publish(commits[static_cast<std::size_t>(crash % 3)]));
      expect_shown(commits[static_cast<std::size_t>(crash % 3)]);
    }
  }
}

TEST_F(InPlaceTest, AMirrorWithoutTheOldCommitGoesOnFromWhatIsThere) {
  must(publish(commit({{"a", file("1\n")}, {"same", file("same\n")}})));
  must(remove_tree(mirror_));
  must(remove_tree(source_.path()));
  source_ = freshet::testing::GitRepository(directory_ / "source");
  const ObjectId other = commit({{"same", file("same\n")}, {"b", file("2\n")}});
  must(publish(other));
  EXPECT_EQ(read_current(path_)->commit, other);
  EXPECT_EQ(must(read_file(at("b"))), "2\n");
  EXPECT_EQ(must(read_file(at("a"))), "1\n") << "nobody knows whose it is";
  EXPECT_EQ(git(path_, {"status", "--porcelain"}), "?? a");
}

TEST_F(InPlaceTest, SwitchesGitOffAndOn) {
  const ObjectId a = commit({{"a", file("1\n")}});
  must(publish(a));
  spec_.git = false;
  must(publish(a));
  EXPECT_FALSE(path_exists(at(".git")));
  EXPECT_THAT(worktree_folders(), IsEmpty());
  const ObjectId b = commit({{"a", file("2\n")}});
  must(publish(b));
  spec_.git = true;
  must(publish(b));
  expect_shown(b);
}

TEST_F(InPlaceTest, SweepsWhatAKillLeftAndNothingElse) {
  must(publish(commit({{"a", file("1\n")}})));
  const auto others = must(list_directory(Layout(spec_.path).directory));
  const std::string left = Layout(spec_.path).directory + "/tmp.candidate";
  must(make_directories(left + "/folder"));
  must(write_file_atomically(left + "/folder/file", "half\n"));
  must(write_file_atomically(Layout(spec_.path).directory + "/in_place.tmp.123.4", "half\n"));
  must(sweep(spec_, mirror_));
  EXPECT_THAT(must(list_directory(Layout(spec_.path).directory)),
              UnorderedElementsAreArray(others));
  EXPECT_EQ(must(read_file(at("a"), 100)), "1\n");
}

TEST_F(InPlaceTest, ACompleteTreeNeedsNoSweep) {
  must(publish(commit({{"a", file("1\n")}})));
  EXPECT_EQ(must(sweep(spec_, mirror_)), std::nullopt);
  must(prepare_spare(spec_, mirror_, cancel_));
  EXPECT_THAT(trees(), IsEmpty());
  EXPECT_THAT(spares(), IsEmpty());
}

}  // namespace
}  // namespace freshet::checkout
