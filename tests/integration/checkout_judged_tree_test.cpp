#include "checkout/judged_tree.h"

#include <gmock/gmock.h>

#include "support/checkout_fixture.h"

namespace freshet::checkout {
namespace {

using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::must;

/// What judges a tree, and what it leaves there.
class JudgedTreeTest : public CheckoutFixture {
 protected:
  ObjectId everything(const std::string& text) const {
    return commit({{"README", file(text)},
                   {"same", file("same\n")},
                   {"run", {"100755", "x"}},
                   {"link", {"120000", "same"}},
                   {"folder/deep/file", file("deep\n")},
                   {"lib", {"160000", std::string(40, 'd')}}});
  }

  Result<Published> publish_judged(const ObjectId& commit, const TreeCheck& check) const {
    return checkout::publish(spec_, mirror_, commit, cancel_, check);
  }

  static void overwrite(const std::string& path, const std::string& content) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    must(write_all(fd.get(), content, path));
  }

  static Result<void> make_a_mess(const std::string& tree) {
    must(write_new_file(tree + "/built.o", "object"));
    must(make_directories(tree + "/node_modules/x"));
    must(write_new_file(tree + "/lib/inside", "a submodule stays empty"));
    overwrite(tree + "/same", "other\n");  // shared with the tree that is read
    must(remove_tree(tree + "/link"));
    must(remove_tree(tree + "/folder"));
    EXPECT_EQ(::symlink("/tmp", (tree + "/folder").c_str()), 0);
    EXPECT_EQ(::chmod((tree + "/run").c_str(), 0600), 0);
    if (path_exists(tree + "/.git")) {
      git(tree, {"add", "built.o", "same"});
    }
    return {};
  }
};

TEST_F(JudgedTreeTest, NothingThatAGateLeavesIsPublished) {
  for (const bool with_git : {true, false}) {
    spec_.git = with_git;
    spec_.path = directory_ / (with_git ? "www/docs" : "www/plain");
    const ObjectId first = everything("first\n");
    must(publish(first));
    const ObjectId second = everything("second\n");
    must(publish_judged(second, make_a_mess));
    expect_same(freshet::testing::snapshot_of(spec_.path + "/."), reference(second));
    if (with_git) {
      expect_complete(second);
    }
  }
}

TEST_F(JudgedTreeTest, WhatAGateWritesIntoASharedFileIsUndoneInTheTreeThatIsRead) {
  const ObjectId first = everything("first\n");
  must(publish(first));
  const ObjectId second = everything("second\n");
  const auto refused = publish_judged(second, [](const std::string& tree) -> Result<void> {
    FRESHET_CHECK(make_a_mess(tree));
    return fail(ErrorClass::conflict, "not this one");
  });
  EXPECT_FALSE(refused);
  expect_complete(first);
}

TEST_F(JudgedTreeTest, TheTreeOfARefusedCommitServesLaterWithoutWhatWasLeftInIt) {
  must(publish(everything("first\n")));
  const ObjectId second = everything("second\n");
  const auto refuse = [](const std::string& tree) -> Result<void> {
    FRESHET_CHECK(make_a_mess(tree));
    return fail(ErrorClass::conflict, "not this one");
  };
  EXPECT_FALSE(publish_judged(second, refuse));
  // As a kill in the midst of a judgement leaves it.
  overwrite(slot(second) + "/README", "changed\n");
  must(publish_judged(second, [](const std::string&) -> Result<void> { return {}; }));
  expect_complete(second);
}

TEST_F(JudgedTreeTest, AGateThatOnlyLooksChangesNothing) {
  must(publish(everything("first\n")));
  const ObjectId second = everything("second\n");
  must(publish_judged(second, [](const std::string& tree) -> Result<void> {
    git(tree, {"status"});
    return {};
  }));
  expect_complete(second);
}

}  // namespace
}  // namespace freshet::checkout
