#include "mirror/connectivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/git_fixture.h"

namespace freshet::mirror {
namespace {

using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;

class ConnectivityTest : public ::testing::Test {
 protected:
  ObjectId id_of(const std::string& name) { return source_.id(name); }
  /// Takes a loose object away.
  void lose(const std::string& name) {
    const std::string hex = id_of(name).hex();
    ASSERT_TRUE(
        remove_tree(source_.path() + "/.git/objects/" + hex.substr(0, 2) + "/" + hex.substr(2)));
  }
  Result<bool> prove(const ObjectId& tip, const std::vector<ObjectId>& known,
                     const ProofLimits& limits = {}) {
    const auto repository = must(git2::open_bare(source_.path() + "/.git"));
    return prove_connected(repository.get(), {tip}, known, limits);
  }

  /// Of a tree with this one entry, however git would take it.
  ObjectId commit_of(const std::string& mode, const ObjectId& entry,
                     std::vector<std::string> options = {}) {
    std::string tree = mode + " docs";
    tree += '\0';
    for (std::size_t i = 0; i < entry.hex().size(); i += 2) {
      tree += static_cast<char>(std::stoi(entry.hex().substr(i, 2), nullptr, 16));
    }
    options.insert(options.begin(), {"commit-tree", "-m", "bad"});
    options.push_back(
        source_.git({"hash-object", "-t", "tree", "-w", "--stdin", "--literally"}, tree));
    return *ObjectId::parse(source_.git(std::move(options)));
  }

  TemporaryDirectory directory_;
  GitRepository source_{directory_ / "source"};
};

TEST_F(ConnectivityTest, IsProvenForACompleteHistory) {
  source_.commit({{"a", "1"}, {"docs/b", "1"}});
  const ObjectId tip = source_.commit({{"docs/c", "2"}});
  EXPECT_TRUE(must(prove(tip, {})));
}

TEST_F(ConnectivityTest, AMissingFileTreeOrCommitIsCorrupt) {
  const ObjectId known = source_.commit({{"a", "1"}, {"docs/b", "1"}});
  source_.commit({{"docs/b", "2"}});
  const ObjectId tip = source_.commit({{"docs/c/d", "3"}});
  for (const char* name :
       {"main:docs/c/d", "main:docs/c", "main:docs", "main~1:docs/b", "main~1"}) {
    const TemporaryDirectory copy;
    ASSERT_EQ(freshet::testing::run({"cp", "-a", source_.path(), copy / "copy"}).status, 0);
    const std::string hex = id_of(name).hex();
    must(remove_tree(copy / "copy/.git/objects/" + hex.substr(0, 2) + "/" + hex.substr(2)));
    const auto repository = must(git2::open_bare(copy / "copy/.git"));
    const auto proof = prove_connected(repository.get(), {tip}, {known});
    ASSERT_FALSE(proof) << name;
    EXPECT_EQ(proof.error().error_class, ErrorClass::corrupt) << name;
    EXPECT_THAT(proof.error().message, HasSubstr("not complete")) << name;
  }
}

TEST_F(ConnectivityTest, WhatIsKnownIsNotLookedAtAgain) {
  const ObjectId known = source_.commit({{"a", "1"}, {"docs/b", "1"}});
  const ObjectId tip = source_.commit({{"new", "2"}});
  lose("main~1:a");
  EXPECT_TRUE(must(prove(tip, {known})));
  EXPECT_FALSE(prove(tip, {}));
}

TEST_F(ConnectivityTest, FoldersTooDeepForTheStackAreLeftToGit) {
  source_.commit({{"a", "1"}});
  const ObjectId tip = source_.commit({{"d/d/d/x", "2"}});
  ProofLimits limits;
  limits.depth = 3;
  EXPECT_TRUE(must(prove(tip, {}, limits)));
  limits.depth = 2;
  EXPECT_FALSE(must(prove(tip, {}, limits)));
}

TEST_F(ConnectivityTest, ACommitWhoseAuthorIsOddIsRead) {
  const ObjectId first = source_.commit({{"a", "1"}});
  const std::string odd = "tree " + id_of("main^{tree}").hex() + "\nparent " + first.hex() +
                          "\nauthor A 1 +0000\ncommitter A <a> x\n\nx\n";
  const std::string tip =
      source_.git({"hash-object", "-t", "commit", "-w", "--stdin", "--literally"}, odd);
  EXPECT_TRUE(must(prove(*ObjectId::parse(tip), {first})));
}

TEST_F(ConnectivityTest, AFileWhereATreeIsNamedIsCorrupt) {
  source_.commit({{"a", "1"}});
  EXPECT_FALSE(prove(commit_of("40000", id_of("main:a")), {}));
}

TEST_F(ConnectivityTest, AnEntryOfUnknownModeIsASubmoduleAsGitHasIt) {
  const ObjectId missing = *ObjectId::parse("1234567890123456789012345678901234567890");
  const ObjectId before = commit_of("644", missing);
  EXPECT_TRUE(must(prove(before, {})));
  const ObjectId after = commit_of("100644", missing, {"-p", before.hex()});
  const auto proof = prove(after, {before});
  ASSERT_FALSE(proof) << "what was no file before has not been looked at";
  EXPECT_THAT(proof.error().message, HasSubstr("file " + missing.hex() + " is missing"));
}

TEST_F(ConnectivityTest, IsLeftToGitWhereItCostsTooMuchOrTheTipIsNoCommit) {
  source_.commit({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  const ObjectId tip = source_.commit({{"a", "2"}});
  EXPECT_FALSE(must(prove(tip, {}, {1, 100})));
  EXPECT_FALSE(must(prove(tip, {}, {100, 2})));
  EXPECT_FALSE(must(prove(id_of("main:a"), {})));
}

}  // namespace
}  // namespace freshet::mirror
