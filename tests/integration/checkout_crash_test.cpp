#include <gmock/gmock.h>

#include <cstdlib>

#include "checkout/in_place.h"
#include "support/checkout_fixture.h"
#include "support/kill_at_step.h"

// kill -9 at system call after system call: what is there is complete, and the next run carries on.

namespace freshet::checkout {
namespace {

using namespace std::chrono_literals;
using freshet::testing::CheckoutFixture;
using freshet::testing::Ended;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::kill_at_step;
using freshet::testing::must;
using freshet::testing::Snapshot;
using freshet::testing::snapshot_of;
using freshet::testing::Tree;
using ::testing::SizeIs;

class CrashTest : public CheckoutFixture {
 protected:
  void SetUp() override {
    CheckoutFixture::SetUp();
    Tree tree{{"same", file("same\n")},
              {"changed", file("1\n")},
              {"goes/away", file("1\n")},
              {"becomes", file("a file\n")},
              {"folder/becomes", file("a folder\n")}};
    for (int i = 0; i < 10; ++i) {
      tree["more/" + std::to_string(i)] = file("same\n");
    }
    old_ = commit(tree);
    tree.erase("goes/away");
    tree.erase("folder/becomes");
    tree.erase("becomes");
    tree["becomes/a folder"] = file("2\n");
    tree["folder"] = {"120000", "same"};
    tree["changed"] = file("2\n");
    new_ = commit(tree);
    for (const ObjectId& id : {old_, new_}) {
      trees_[id] = reference(id);
    }
  }

  /// Every tree that says of itself that it is complete.
  void expect_complete_trees() const {
    const auto current = read_current(path_);
    ASSERT_TRUE(current);
    EXPECT_EQ(snapshot_of(path_ + "/."), trees_.at(current->commit));
    for (const std::string& name : must(list_directory(slots_))) {
      const auto commit = ObjectId::parse(name.starts_with("spare.") ? name.substr(6) : name);
      if (commit) {
        EXPECT_EQ(snapshot_of(slots_ + "/" + name), trees_.at(*commit)) << name;
      }
    }
    if (spec_.git) {
      EXPECT_EQ(git(path_, {"status", "--porcelain"}), "");
      EXPECT_EQ(git(path_, {"rev-parse", "HEAD"}), current->commit.hex());
    }
  }

  /// Starts anew from the old commit, with a spare or without one.
  void begin(bool with_spare) {
    must(remove_tree(path_));
    must(remove_tree(slots_));
    must(publish(old_));
    if (with_spare) {
      must(prepare_spare(spec_, mirror_, cancel_));
    }
  }

  /// Kills `work` at every `stride`th step; FRESHET_TEST_STRIDE=1 makes that every one.
  void kill_again_and_again(int stride, bool with_spare, const std::function<void()>& work,
                            const std::function<void()>& check) {
    if (const char* chosen = std::getenv("FRESHET_TEST_STRIDE")) {  // NOLINT(concurrency-mt-unsafe)
      stride = std::stoi(chosen);
    }
    for (int step = 1;; step += stride) {
      SCOPED_TRACE("killed at step " + std::to_string(step));
      begin(with_spare);
      const Ended ended = kill_at_step(step, work);
      if (ended == Ended::untraceable) {
        GTEST_SKIP() << "children cannot be traced here";
      }
      check();
      if (ended == Ended::finished || HasFailure()) {
        EXPECT_GT(step, 10 * stride) << "too few steps to be true";
        return;
      }
    }
  }

  void expect_to_carry_on() {
    expect_complete_trees();
    must(sweep(spec_, mirror_));
    expect_complete_trees();
    for (const std::string& name : trees()) {
      EXPECT_TRUE(ObjectId::parse(name)) << name << " was left";
    }
    for (const ObjectId& next : {old_, new_}) {
      must(publish(next));
      EXPECT_EQ(read_current(path_)->commit, next);
      expect_complete_trees();
    }
    EXPECT_EQ(worktree_folders().size(), spec_.git ? trees().size() + spares().size() : 0);
  }

  ObjectId old_;
  ObjectId new_;
  std::map<ObjectId, Snapshot> trees_;
};

TEST_F(CrashTest, OfAnUpdateLeavesACompleteTree) {
  kill_again_and_again(
      31, true, [&] { static_cast<void>(publish(new_)); }, [&] { expect_to_carry_on(); });
}

TEST_F(CrashTest, OfAnUpdateWithoutSpareLeavesACompleteTree) {
  spec_.git = false;
  kill_again_and_again(
      23, false, [&] { static_cast<void>(publish(new_)); }, [&] { expect_to_carry_on(); });
}

TEST_F(CrashTest, OfThePreparationOfASpareLeavesNoHalfOne) {
  kill_again_and_again(
      29, false, [&] { static_cast<void>(prepare_spare(spec_, mirror_, cancel_)); },
      [&] { expect_to_carry_on(); });
}

TEST_F(CrashTest, OfASweepLeavesNoHalfTree) {
  spec_.keep_old = 0s;
  kill_again_and_again(
      37, true,
      [&] {
        static_cast<void>(publish(new_));
        static_cast<void>(sweep(spec_, mirror_));
        static_cast<void>(publish(old_));
        static_cast<void>(sweep(spec_, mirror_));
      },
      [&] { expect_to_carry_on(); });
}

TEST_F(CrashTest, OfAnUpdateInPlaceIsCompletedByTheNext) {
  spec_.mode = "in_place";
  int crash = 0;
  kill_again_and_again(
      29, false, [&] { static_cast<void>(publish(new_)); },
      [&] {
        const ObjectId& next = ++crash % 2 == 0 ? old_ : new_;
        must(publish(next));
        EXPECT_EQ(read_current(path_)->commit, next);
        EXPECT_EQ(snapshot_of(path_), trees_.at(next));
        EXPECT_EQ(git(path_, {"status", "--porcelain"}), "");
        EXPECT_THAT(worktree_folders(), SizeIs(1));
      });
}

}  // namespace
}  // namespace freshet::checkout
