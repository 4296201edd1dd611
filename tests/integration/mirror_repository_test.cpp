#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utime.h>

#include "mirror/git2.h"
#include "mirror/mirror.h"
#include "support/git_fixture.h"

namespace freshet::mirror {
namespace {

using freshet::testing::git;
using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RefName branch(const std::string& name) {
  return RefName("refs/heads/" + name);
}

void write(const std::string& path, std::string_view content = "") {
  must(make_directories(parent_path(path)));
  must(write_file_atomically(path, content));
}

class MirrorTest : public ::testing::Test {
 protected:
  Mirror open() { return must(Mirror::open_or_create(path_, environment_)); }

  /// Objects come as packs, as a fetch brings them.
  ObjectId bring(const std::map<std::string, std::string>& files) {
    const ObjectId id = source_.commit(files);
    bring_all();
    return id;
  }
  void bring_all() {
    git(path_, {"fetch", "-q", "--no-tags", "--no-write-fetch-head", source_.path(),
                "+refs/*:refs/freshet/incoming/*"});
  }
  std::string in_mirror(std::vector<std::string> arguments) {
    return git(path_, std::move(arguments));
  }

  TemporaryDirectory directory_;
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  GitRepository source_{directory_ / "source"};
  std::string path_ = directory_ / "state/mirrors/example.org/docs.git";
};

TEST_F(MirrorTest, AFolderWhereAFileBelongsAndAFileWhereAFolderBelongsAreReplaced) {
  open();
  const ObjectId id = bring({{"a", "1"}});
  for (const char* name : {"/config", "/HEAD", "/packed-refs", "/shallow", "/freshet.checked"}) {
    must(remove_tree(path_ + name));
    must(make_directories(path_ + name + "/inside"));
  }
  for (const char* name : {"/refs", "/objects/info", "/worktrees"}) {
    must(remove_tree(path_ + name));
    must(write_new_file(path_ + name, "no folder"));
  }
  const Mirror mirror = open();
  EXPECT_TRUE(mirror.has(id));
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
  EXPECT_EQ(must(mirror.head()), branch("main"));
  in_mirror({"fsck", "--full"});
}

TEST_F(MirrorTest, IsARepositoryThatGitTakesFromItsFirstMoment) {
  const Mirror mirror = open();
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
  EXPECT_EQ(must(mirror.head()), branch("main"));
  EXPECT_EQ(in_mirror({"rev-parse", "--is-bare-repository"}), "true");
  EXPECT_EQ(in_mirror({"fsck"}), "");
  EXPECT_EQ(freshet::testing::run({"git", "clone", "-q", path_, directory_ / "clone"}).status, 0);
}

TEST_F(MirrorTest, IsReadableByEverybodyWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  open();
  ::umask(before);
  for (const char* name : {"", "/objects", "/objects/pack", "/refs", "/refs/heads"}) {
    struct stat info {};
    ASSERT_EQ(::stat((path_ + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777U, 0755U) << name;
  }
}

TEST_F(MirrorTest, CompletesAHalfMadeOne) {
  write(path_ + "/config", "");
  write(path_ + "/HEAD", "");
  const Mirror mirror = open();
  EXPECT_EQ(must(mirror.head()), branch("main"));
  EXPECT_EQ(in_mirror({"config", "core.bare"}), "true");
}

TEST_F(MirrorTest, WritesADamagedHeadAnew) {
  open();
  for (const char* damaged : {"ref: refs/heads/ma in\n", "ref: refs/\n", "ref: refs/heads/main"}) {
    must(remove_tree(path_ + "/HEAD"));
    write(path_ + "/HEAD", damaged);
    EXPECT_EQ(must(open().head()), branch("main")) << damaged;
  }
}

TEST_F(MirrorTest, TakesBackItsConfiguration) {
  open();
  in_mirror({"config", "extensions.worktreeConfig", "true"});
  in_mirror({"config", "core.sshCommand", "touch /tmp/freshet-was-here"});
  const Mirror mirror = open();
  EXPECT_THAT(
      in_mirror({"config", "--list", "--local"}),
      ::testing::Not(::testing::AnyOf(HasSubstr("worktreeconfig"), HasSubstr("sshcommand"))));
}

TEST_F(MirrorTest, KeepsRefsAndHeadWhenItIsOpenedAgain) {
  {
    Mirror mirror = open();
    const ObjectId id = bring({{"a", "1"}});
    must(mirror.begin_work());
    bring_all();
    must(mirror.apply({{}, {{branch("trunk"), id}}, {}}));
    must(mirror.set_head(branch("trunk")));
    mirror.end_work();
  }
  const Mirror mirror = open();
  EXPECT_EQ(must(mirror.find(branch("trunk"))), source_.id("main"));
  EXPECT_EQ(must(mirror.head()), branch("trunk"));
  EXPECT_EQ(must(mirror.find(branch("none"))), std::nullopt);
}

TEST_F(MirrorTest, SetsFewRefsAndDropsWhatTheFetchBrought) {
  Mirror mirror = open();
  const ObjectId id = bring({{"a", "1"}});
  EXPECT_NE(in_mirror({"for-each-ref", "refs/freshet/"}), "");
  must(mirror.apply({{}, {{branch("main"), id}}, {}}));
  EXPECT_EQ(must(mirror.refs()), (std::map<RefName, ObjectId>{{branch("main"), id}}));
  EXPECT_EQ(in_mirror({"for-each-ref", "refs/freshet/"}), "");
  EXPECT_EQ(in_mirror({"fsck", "--full"}), "");
}

TEST_F(MirrorTest, SetsAThousandRefsAndDeletesThemAgain) {
  Mirror mirror = open();
  const ObjectId id = bring({{"a", "1"}});
  std::map<RefName, ObjectId> refs;
  for (int i = 0; i < 1000; ++i) {
    refs.emplace(branch("topic/" + std::to_string(i)), id);
  }
  must(mirror.apply({{}, refs, {}}));
  EXPECT_EQ(must(mirror.refs()), refs);
  in_mirror({"pack-refs", "--all"});
  must(mirror.apply(plan_ref_changes(refs, {{branch("topic"), id}})));
  EXPECT_EQ(must(mirror.refs()), (std::map<RefName, ObjectId>{{branch("topic"), id}}));
}

TEST_F(MirrorTest, ReplacesADirectoryOfRefsByARefAndBack) {
  Mirror mirror = open();
  const ObjectId id = bring({{"a", "1"}});
  std::map<RefName, ObjectId> current;
  for (const char* name : {"a", "a/b", "a", "a/b/c", "a/b"}) {
    const std::map<RefName, ObjectId> wanted{{branch(name), id}};
    must(mirror.apply(plan_ref_changes(current, wanted)));
    EXPECT_EQ(must(mirror.refs()), wanted);
    current = wanted;
  }
}

TEST_F(MirrorTest, HidesItsOwnRefsAndFindsThemByName) {
  Mirror mirror = open();
  const ObjectId id = bring({{"a", "1"}});
  const RefName pin("refs/freshet/pin/" + id.hex());
  must(mirror.apply({{}, {{pin, id}}, {}}));
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
  EXPECT_EQ(must(mirror.find(pin)), id);
}

TEST_F(MirrorTest, KnowsWhereARefHasBeen) {
  Mirror mirror = open();
  const ObjectId first = bring({{"a", "1"}});
  const ObjectId second = bring({{"a", "2"}});
  const ObjectId taken_back = bring({{"a", "3"}});
  EXPECT_TRUE(mirror.has_been_at(branch("main"), first, second));
  EXPECT_TRUE(mirror.has_been_at(branch("main"), second, second));
  EXPECT_FALSE(mirror.has_been_at(branch("main"), taken_back, second));
  EXPECT_FALSE(mirror.has_been_at(branch("main"), first, std::nullopt));
  RefChanges changes;
  changes.keep = {{RefName("refs/freshet/lost/1/heads/main/0123456789abcdef"), taken_back}};
  changes.set = {{branch("main"), second}};
  must(mirror.apply(changes));
  EXPECT_TRUE(mirror.has_been_at(branch("main"), taken_back, second));
  EXPECT_FALSE(mirror.has_been_at(branch("other"), taken_back, std::nullopt));
  const ObjectId unknown = *ObjectId::parse("1234567890123456789012345678901234567890");
  EXPECT_FALSE(mirror.has_been_at(branch("main"), unknown, second));
}

TEST_F(MirrorTest, RefusesARefToWhatIsNotThere) {
  Mirror mirror = open();
  const auto result =
      mirror.apply({{}, {{branch("main"), ObjectId::parse(std::string(40, 'a')).value()}}, {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt);
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
}

TEST_F(MirrorTest, RefusesARefToACommitWithoutItsTree) {
  Mirror mirror = open();
  const std::string commit =
      "tree " + std::string(40, 'b') + "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n";
  const ObjectId id =
      ObjectId::parse(git(path_, {"hash-object", "-t", "commit", "-w", "--stdin"}, commit)).value();
  const auto result = mirror.apply({{}, {{branch("main"), id}}, {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt);
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
}

TEST_F(MirrorTest, TakesTagsOfAnyObject) {
  Mirror mirror = open();
  const ObjectId id = source_.commit({{"a", "1"}});
  source_.git({"tag", "-a", "v1", "-m", "v1"});
  source_.git({"tag", "-a", "tree", "-m", "t", "HEAD^{tree}"});
  source_.git({"tag", "-a", "file", "-m", "f", "HEAD:a"});
  source_.git({"tag", "blob", "HEAD:a"});
  bring_all();
  RefChanges changes;
  for (const char* name : {"v1", "tree", "file", "blob"}) {
    const std::string ref = std::string("refs/tags/") + name;
    changes.set.emplace(RefName(ref), source_.id(ref));
  }
  must(mirror.apply(changes));
  EXPECT_EQ(must(mirror.refs()), changes.set);
  EXPECT_EQ(must(mirror.peel_to_commit(source_.id("refs/tags/v1"))), id);
  EXPECT_EQ(must(mirror.peel_to_commit(id)), id);
  const auto file = mirror.peel_to_commit(source_.id("refs/tags/file"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().error_class, ErrorClass::corrupt);
}

TEST_F(MirrorTest, ABranchIsACommitAndNothingElse) {
  Mirror mirror = open();
  source_.commit({{"a", "1"}});
  source_.git({"tag", "-a", "v1", "-m", "v1"});
  bring_all();
  for (const char* other : {"refs/tags/v1", "HEAD^{tree}", "HEAD:a"}) {
    const auto result = mirror.apply({{}, {{branch("odd"), source_.id(other)}}, {}});
    ASSERT_FALSE(result) << other;
    EXPECT_EQ(result.error().error_class, ErrorClass::corrupt) << other;
    EXPECT_EQ(must(mirror.find(branch("odd"))), std::nullopt) << other;
  }
}

TEST_F(MirrorTest, TakesACommitThatItLacksForDamage) {
  const Mirror mirror = open();
  const auto result = mirror.peel_to_commit(ObjectId::parse(std::string(40, 'a')).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt);
}

TEST_F(MirrorTest, RefusesTheLongerIdsOfAnotherHash) {
  const Mirror mirror = open();
  const auto result = mirror.peel_to_commit(ObjectId::parse(std::string(64, 'a')).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::protocol);
}

TEST_F(MirrorTest, MendsWhatKilledChildrenLeft) {
  Mirror mirror = open();
  const std::vector<std::string> stale{"HEAD.lock",
                                       "packed-refs.lock",
                                       "config.lock",
                                       "shallow.lock",
                                       "refs/heads/main.lock",
                                       "refs/heads/a/b.lock",
                                       "refs/tags/v1.lock",
                                       "objects/pack/tmp_pack_x1",
                                       "objects/pack/pack_git2_y2",
                                       "objects/pack/tmp_idx_z3",
                                       "objects/info/commit-graph.lock"};
  for (const std::string& name : stale) {
    write(path_ + "/" + name);
  }
  must(mirror.begin_work());
  for (const std::string& name : stale) {
    EXPECT_FALSE(path_exists(path_ + "/" + name)) << name;
  }
  const ObjectId id = bring({{"a", "1"}});
  must(mirror.apply({{}, {{branch("main"), id}}, {}}));
  must(mirror.set_head(branch("main")));
  EXPECT_EQ(must(mirror.find(branch("main"))), id);
}

TEST_F(MirrorTest, RemovesWhatAFetchKeptItsPackWithAndNobodyElses) {
  Mirror mirror = open();
  const std::string pack = path_ + "/objects/pack/pack-";
  must(write_new_file(pack + "1.keep", ""));  // the disk was full
  must(write_new_file(pack + "2.keep", "fetch-pack 123 on host\n"));
  must(write_new_file(pack + "3.keep", "mine\n"));
  must(write_new_file(pack + "4.keep", ""));
  for (const char* name : {"1.keep", "2.keep", "3.keep"}) {
    ASSERT_EQ(::chmod((pack + name).c_str(), 0600), 0);
  }
  ASSERT_EQ(::chmod((pack + "4.keep").c_str(), 0644), 0);  // as touch(1) makes it
  must(mirror.begin_work());
  EXPECT_FALSE(path_exists(pack + "1.keep"));
  EXPECT_FALSE(path_exists(pack + "2.keep"));
  EXPECT_TRUE(path_exists(pack + "3.keep"));
  EXPECT_TRUE(path_exists(pack + "4.keep"));
}

TEST_F(MirrorTest, LeavesTheLocksThatReadersOfATreeHaveJustTaken) {
  Mirror mirror = open();
  write(path_ + "/worktrees/1/index.lock");
  write(path_ + "/worktrees/2/index.lock");
  const utimbuf long_ago{1700000000, 1700000000};
  ASSERT_EQ(::utime((path_ + "/worktrees/2/index.lock").c_str(), &long_ago), 0);
  must(mirror.begin_work());
  EXPECT_TRUE(path_exists(path_ + "/worktrees/1/index.lock"));
  EXPECT_FALSE(path_exists(path_ + "/worktrees/2/index.lock"));
}

TEST_F(MirrorTest, CleansUpOnOpeningAfterWorkThatNeverEnded) {
  {
    Mirror mirror = open();
    must(mirror.begin_work());
    bring({{"a", "1"}});
    write(path_ + "/objects/pack/tmp_pack_huge");
  }
  Mirror mirror = open();
  EXPECT_FALSE(path_exists(path_ + "/objects/pack/tmp_pack_huge"));
  EXPECT_EQ(in_mirror({"for-each-ref"}), "");
}

TEST_F(MirrorTest, DropsIncomingRefsThatAGitGcHasPacked) {
  Mirror mirror = open();
  bring({{"a", "1"}});
  in_mirror({"pack-refs", "--all"});
  must(mirror.begin_work());
  EXPECT_EQ(in_mirror({"for-each-ref"}), "");
}

TEST_F(MirrorTest, TakesARefThatAPowerFailureEmptiedForMissingAndSetsItAgain) {
  Mirror mirror = open();
  const ObjectId id = bring({{"a", "1"}});
  must(mirror.apply({{}, {{branch("main"), id}}, {}}));
  must(write_file_atomically(path_ + "/refs/heads/main", ""));
  EXPECT_EQ(must(mirror.find(branch("main"))), std::nullopt);
  EXPECT_THAT(must(mirror.refs()), IsEmpty());
  must(mirror.begin_work());
  bring({{"a", "2"}});
  must(mirror.apply({{}, {{branch("main"), id}}, {}}));
  EXPECT_EQ(must(mirror.find(branch("main"))), id);
}

TEST_F(MirrorTest, IsHeldByOneProcessWhoseNumberTheOtherLearns) {
  const Mirror mirror = open();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto other = Mirror::open_or_create(path_, environment_);
    const bool is_right =
        !other && other.error().error_class == ErrorClass::conflict &&
        other.error().message.find("process " + std::to_string(::getppid())) != std::string::npos;
    ::_exit(is_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

/// Beyond a limit libgit2 closes packs that another thread may be freeing at that moment; what it
/// closes then can be anybody's descriptor.
TEST_F(MirrorTest, SharesNoLimitOfOpenPacksWithOtherThreads) {
  git2::initialize();
  std::size_t limit = 1;
  ASSERT_EQ(git_libgit2_opts(GIT_OPT_GET_MWINDOW_FILE_LIMIT, &limit), 0);
  EXPECT_EQ(limit, 0U);
}

}  // namespace
}  // namespace freshet::mirror
