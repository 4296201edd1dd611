#include <gmock/gmock.h>

#include "base/hmac.h"
#include "checkout/drift.h"
#include "checkout/tree_diff.h"
#include "support/checkout_fixture.h"

// Trees that git itself would never write: nothing of them is published, and nothing lands outside.

namespace freshet::checkout {
namespace {

using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kNul(1, '\0');

/// As zlib has it, uncompressed.
std::string stored(const std::string& bytes) {
  constexpr unsigned kModulus = 65521;
  unsigned a = 1;
  unsigned b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % kModulus;
    b = (b + a) % kModulus;
  }
  const auto size = static_cast<unsigned>(bytes.size());
  std::string result = "\x78\x01\x01";
  for (const unsigned byte : {size, size >> 8U, ~size, ~size >> 8U}) {
    result += static_cast<char>(byte & 0xffU);
  }
  result += bytes;
  for (const unsigned byte : {b >> 8U, b, a >> 8U, a}) {
    result += static_cast<char>(byte & 0xffU);
  }
  return result;
}

class HostileTest : public CheckoutFixture {
 protected:
  void SetUp() override {
    CheckoutFixture::SetUp();
    good_ = commit({{"README", file("good")}});
    must(publish(good_));
    // Git would refuse to send some of what follows.
    must(write_new_file(mirror_ + "/objects/info/alternates", source_.path() + "/.git/objects\n"));
  }

  void TearDown() override { EXPECT_EQ(read_current(path_)->commit, shown_.value_or(good_)); }

  /// One raw entry of a tree object; `id` is hexadecimal.
  static std::string entry(const std::string& mode, const std::string& name,
                           const std::string& id) {
    return mode + " " + name + std::string(1, '\0') + from_hex(id).value();
  }

  /// A tree object of exactly these bytes.
  std::string tree(const std::string& entries) const {
    return source_.git({"hash-object", "-w", "-t", "tree", "--literally", "--stdin"}, entries);
  }

  std::string payload() const { return blob("[core]\n\tfsmonitor = touch /tmp/owned\n"); }

  void expect_refused(const std::string& root, const std::string& what) {
    expect_commit_refused(
        ObjectId::parse(source_.git({"commit-tree", "-m", "hostile", root})).value(), what);
  }

  void expect_commit_refused(const ObjectId& id, const std::string& what) {
    const auto before = snapshot_of(directory_ / "www");
    const auto result = publish(id);
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(to_string(result.error().error_class), "corrupt")
        << what << ": " << result.error().message;
    EXPECT_EQ(snapshot_of(directory_ / "www"), before) << what;
    EXPECT_THAT(worktree_folders(), ::testing::SizeIs(1)) << what;
  }

  ObjectId good_;
  std::optional<ObjectId> shown_;  ///< in place of the good one
};

TEST_F(HostileTest, NamesThatLeadElsewhereAreNotWritten) {
  for (const std::string name :
       {".git", ".GIT", ".git.", ".git ", "git~1", ".git::$INDEX_ALLOCATION", ".g\u200cit", ".",
        "..", "a/b", "../outside", "/etc/freshet-was-here", "..\u200d/x", "\ufeff.git"}) {
    const std::string below = tree(entry("100644", "config", payload()));
    expect_refused(tree(entry("100644", name, payload())), "file " + name);
    expect_refused(tree(entry("120000", name, payload())), "link " + name);
    expect_refused(tree(entry("40000", name, below)), "folder " + name);
    expect_refused(tree(entry("160000", name, good_.hex())), "submodule " + name);
    expect_refused(tree(entry("40000", "sub", tree(entry("100644", name, payload())))),
                   "below a folder " + name);
  }
  EXPECT_FALSE(path_exists(directory_ / "outside"));
  EXPECT_FALSE(path_exists("/etc/freshet-was-here"));
}

TEST_F(HostileTest, EmptyNamesAreNotWritten) {
  expect_refused(tree(entry("100644", "", payload())), "file");
  expect_refused(tree(entry("40000", "", tree(entry("100644", "a", payload())))), "folder");
}

TEST_F(HostileTest, NamesTooLongForAnyFileSystemAreNotWritten) {
  expect_refused(tree(entry("100644", std::string(256, 'n'), payload())), "file");
  expect_refused(tree(entry("40000", std::string(5000, 'n'), tree(""))), "folder");
}

TEST_F(HostileTest, ALinkAndAFolderOfOneNameLeadNowhere) {
  must(make_directories(directory_ / "outside"));
  const std::string link = blob(directory_ / "outside");
  const std::string folder = tree(entry("100644", "planted", payload()));
  expect_refused(tree(entry("120000", "a", link) + entry("40000", "a", folder)), "link first");
  expect_refused(tree(entry("40000", "a", folder) + entry("120000", "a", link)), "folder first");
  expect_refused(tree(entry("120000", "a", link) + entry("160000", "a", good_.hex())), "submodule");
  EXPECT_THAT(must(list_directory(directory_ / "outside")), IsEmpty());
}

TEST_F(HostileTest, AFileIsNotWrittenThroughALinkOfItsName) {
  must(write_new_file(directory_ / "outside", "mine"));
  const std::string link = blob(directory_ / "outside");
  expect_refused(tree(entry("120000", "a", link) + entry("100644", "a", payload())), "link first");
  expect_refused(tree(entry("100644", "a", payload()) + entry("120000", "a", link)), "file first");
  EXPECT_EQ(must(read_file(directory_ / "outside")), "mine");
}

TEST_F(HostileTest, ALinkForDotGitattributesIsNotRead) {
  must(write_new_file(directory_ / "outside", "* text eol=crlf\n"));
  const ObjectId id =
      commit({{".gitattributes", {"120000", directory_ / "outside"}}, {"a", file("x\n")}});
  must(publish(id));
  shown_ = id;
  expect_complete(id);
  EXPECT_EQ(must(read_file(path_ + "/a")), "x\n");
}

TEST_F(HostileTest, EntriesOfNoKnownKindAreNotWritten) {
  for (const char* mode : {"140000", "60000", "20000", "10000", "0", "777"}) {
    expect_refused(tree(entry(mode, "a", payload())), mode);
  }
}

TEST_F(HostileTest, EntriesThatAreNotWhatTheirModeSaysAreNotWritten) {
  const std::string folder = tree(entry("100644", "x", payload()));
  expect_refused(tree(entry("100644", "a", folder)), "a file that is a tree");
  expect_refused(tree(entry("40000", "a", payload())), "a folder that is a blob");
  expect_refused(tree(entry("120000", "a", folder)), "a link that is a tree");
}

TEST_F(HostileTest, LinksThatNoFileSystemTakesAreNotWritten) {
  expect_refused(tree(entry("120000", "a", blob(""))), "empty");
  expect_refused(tree(entry("120000", "a", blob(std::string(5000, 'x')))), "too long");
  expect_refused(tree(entry("120000", "a", blob(std::string("a\0b", 3)))), "with a NUL in it");
}

TEST_F(HostileTest, InPlaceNothingIsWrittenOfACommitThatCannotBeWrittenToItsEnd) {
  spec_.path = directory_ / "www/in_place";
  spec_.mode = "in_place";
  must(publish(good_));
  const auto before = snapshot_of(spec_.path);
  const std::string changed = entry("100644", "README", blob("changed"));
  for (const std::string& last :
       {entry("120000", "z", blob("")), entry("120000", "z", std::string(40, 'e')),
        entry("100644", "z", std::string(40, 'e')), entry("100644", "z", tree(changed))}) {
    const std::string root = tree(changed + last);
    const auto result =
        publish(ObjectId::parse(source_.git({"commit-tree", "-m", "hostile", root})).value());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_class, ErrorClass::corrupt) << result.error().message;
    EXPECT_EQ(snapshot_of(spec_.path), before);
  }
}

TEST_F(HostileTest, ARepairWritesUnderNoNameThatTheCommitHas) {
  for (const std::string mode : {"atomic", "in_place"}) {
    spec_.path = directory_ / "www/" + mode;
    spec_.mode = mode;
    const ObjectId id = commit({{".freshet-repair.new", file("mine")}, {"a", file("x")}});
    must(publish(id));
    const auto before = snapshot_of(spec_.path + "/");
    must(remove_tree(spec_.path + "/a"));
    must(checkout::repair_drift(spec_, mirror_, {"a"}, cancel_));
    EXPECT_EQ(snapshot_of(spec_.path + "/"), before) << mode;
  }
}

TEST_F(HostileTest, FoldersWithNothingInThemAreInEveryTree) {
  std::string rest;
  for (const char* name : {"b", "c", "d", "e"}) {
    rest += entry("100644", name, payload());
  }
  std::vector<ObjectId> commits;
  for (const char* content : {"1", "2", "3"}) {
    commits.push_back(commit_tree(
        tree(entry("100644", "a", blob(content)) + rest + entry("40000", "nothing", tree("")))));
    must(publish(commits.back()));  // the second by hard links to the first
    shown_ = commits.back();
    EXPECT_TRUE(is_directory(path_ + "/nothing")) << content;
    EXPECT_THAT(must(find_drift(spec_, mirror_, commits.back(), DriftCheck::full, cancel_)),
                IsEmpty());
    EXPECT_EQ(freshet::testing::git(path_, {"status", "--porcelain", "--ignored"}), "");
  }
}

TEST_F(HostileTest, PathsThatNoProgramCanNameAreNotWritten) {
  const std::string name(200, 'n');
  std::string below = tree(entry("100644", name, payload()));
  for (int i = 0; i < 16; ++i) {
    below = tree(entry("40000", name, below));
  }
  expect_refused(below, "a path of more than 3,000 bytes");
}

TEST_F(HostileTest, AFewTreesThatAskForMoreThanAnyMachineHasAreRefused) {
  std::string below = tree(entry("100644", "x", payload()));
  for (int level = 0; level < 10; ++level) {
    std::string entries;
    for (char name = 'a'; name <= 'j'; ++name) {
      entries += entry("40000", std::string(1, name), below);
    }
    below = tree(entries);
  }
  const auto bomb = ObjectId::parse(source_.git({"commit-tree", "-m", "hostile", below})).value();
  for (const TreeLimits& limits : {TreeLimits{1000, 1'000'000}, TreeLimits{1'000'000, 1000}}) {
    const auto plan = plan_tree(mirror_, good_, bomb, limits);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().error_class, ErrorClass::corrupt);
    EXPECT_THAT(plan.error().message, ::testing::HasSubstr("more than"));
  }
}

TEST_F(HostileTest, AFileThatUnfoldsToMoreThanMemoryHoldsIsRefused) {
  const std::string id(40, 'e');
  must(make_directories(mirror_ + "/objects/ee"));
  must(write_new_file(mirror_ + "/objects/ee/" + id.substr(2), stored("blob 8589934592" + kNul)));
  expect_refused(tree(entry("100644", "large", id)), "8 GiB");
  expect_refused(tree(entry("120000", "large", id)), "a link of 8 GiB");
  expect_refused(tree(entry("100644", ".gitattributes", id)), "attributes of 8 GiB");
  const auto refused = publish(ObjectId::parse(source_.git({"commit-tree", "-m", "hostile",
                                                            tree(entry("100644", "large", id))}))
                                   .value());
  EXPECT_THAT(refused.error().message,
              ::testing::AllOf(::testing::HasSubstr("the commit's file large"),
                               ::testing::HasSubstr("more than 1024 MiB of memory")));
}

TEST_F(HostileTest, ACommitWhoseAuthorIsOddIsPublished) {
  const std::string root = source_.git({"rev-parse", good_.hex() + "^{tree}"});
  for (const char* author : {"author A 1 +0000\n", "author A <a@b> x\n", ""}) {
    const std::string odd = "tree " + root + "\n" + author + "committer A <a@b> 1 +0000\n\nx\n";
    const auto id = ObjectId::parse(freshet::testing::git(
        mirror_, {"hash-object", "-w", "-t", "commit", "--literally", "--stdin"}, odd));
    const auto published = publish(*id);
    ASSERT_TRUE(published) << author << published.error().message;
    shown_ = id;
  }
}

TEST_F(HostileTest, FoldersNestedWithoutEndAreNotWritten) {
  std::string path;
  for (int i = 0; i < 1100; ++i) {
    path += "d/";
  }
  expect_commit_refused(commit({{path + "x", file("x")}}), "1,100 deep");
}

TEST_F(HostileTest, AFetchedCommitWithoutItsTreeIsRefused) {
  const std::string lost =
      "tree " + std::string(40, 'e') + "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n";
  const std::string id = freshet::testing::git(
      mirror_, {"hash-object", "-w", "-t", "commit", "--literally", "--stdin"}, lost);
  const auto result = publish(ObjectId::parse(id).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt) << result.error().message;
  expect_complete(good_);
  EXPECT_THAT(trees(), ElementsAre(good_.hex()));
}

TEST_F(HostileTest, NeitherHooksNorFiltersNorMonitorsOfARepositoryRun) {
  const std::string trace = directory_ / "trace";
  const std::string touch = "#!/bin/sh\ntouch " + trace + "\n";
  const ObjectId id = commit({{".gitattributes", file("* filter=spy diff=spy merge=spy\n")},
                              {".gitconfig", file("[filter \"spy\"]\n\tsmudge = touch " + trace)},
                              {"hooks/post-checkout", {"100755", touch}},
                              {".githooks/post-checkout", {"100755", touch}},
                              {"a", file("x\n")}});
  must(publish(id));
  shown_ = id;
  expect_complete(id);
  EXPECT_FALSE(path_exists(trace));
}

}  // namespace
}  // namespace freshet::checkout
