#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <thread>

#include "base/file_lock.h"
#include "remote/git_program.h"
#include "support/http_git_server.h"

namespace freshet::remote {
namespace {

using namespace std::chrono_literals;
using freshet::testing::git;
using freshet::testing::GitRepository;
using freshet::testing::HttpGitServer;
using freshet::testing::must;
using freshet::testing::SilentServer;
using freshet::testing::TemporaryDirectory;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

RefName branch(const std::string& name) {
  return RefName("refs/heads/" + name);
}

class GitProgramTest : public ::testing::Test {
 protected:
  GitProgramTest() {
    git(directory_.path(), {"init", "-q", "--bare", "-b", "main", mirror_});
    git(mirror_, {"config", "maintenance.auto", "false"});
  }

  GitProgram at(const std::string& url) {
    return GitProgram(must(UpstreamUrl::parse(url)), environment_);
  }

  Result<Advertisement> list(const std::string& url, std::vector<RefPattern> patterns) {
    return at(url).list_refs(patterns, limits_, CancelToken());
  }

  FetchRequest request(const std::vector<RefName>& refs) const {
    FetchRequest request;
    request.mirror = mirror_;
    request.limits = limits_;
    for (const RefName& ref : refs) {
      request.wants.push_back({ref, ObjectId()});
    }
    return request;
  }

  Result<FetchReport> fetch(const std::string& url, const FetchRequest& request) {
    return at(url).fetch(request, CancelToken());
  }

  /// What a mirror does with it: the refs become its own, the incoming ones go.
  void take_over(const FetchReport& report) {
    for (const auto& [ref, id] : report.refs) {
      git(mirror_, {"update-ref", ref.text(), id.hex()});
    }
    drop_incoming();
  }
  void drop_incoming() { static_cast<void>(remove_tree(mirror_ + "/refs/freshet/incoming")); }

  std::string in_mirror(std::vector<std::string> arguments) const {
    return git(mirror_, std::move(arguments));
  }
  std::vector<std::string> packs() const { return must(list_directory(mirror_ + "/objects/pack")); }

  TemporaryDirectory directory_;
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  GitRepository source_{directory_ / "source"};
  std::string mirror_ = directory_ / "mirror.git";
  TimeLimits limits_{60s, 30s};
};

TEST_F(GitProgramTest, ListsTheRefsThatWereAskedForAndNoOthers) {
  const ObjectId main = source_.commit({{"a", "1"}});
  source_.git({"branch", "other"});
  source_.git({"branch", "x/refs/heads/main"});
  source_.git({"tag", "-a", "v1", "-m", "v1"});
  const auto exact = must(list(source_.path(), {{"HEAD"}, {"refs/heads/main"}}));
  EXPECT_EQ(exact.default_branch, branch("main"));
  EXPECT_EQ(exact.head, main);
  EXPECT_THAT(exact.refs, ElementsAre(Pair(branch("main"), main)));
  const auto all = must(list(source_.path(), {{"refs/heads/*"}, {"refs/tags/*"}}));
  EXPECT_EQ(all.refs.size(), 4U);
  EXPECT_EQ(all.refs.at(RefName("refs/tags/v1")), source_.id("refs/tags/v1"));
}

TEST_F(GitProgramTest, ListsMorePatternsThanACommandLineTakes) {
  source_.commit({{"a", "1"}});
  std::vector<RefPattern> patterns;
  for (int i = 0; i < 50'000; ++i) {
    patterns.push_back({"refs/heads/" + std::string(100, 'x') + std::to_string(i)});
  }
  patterns.push_back({"refs/heads/main"});
  EXPECT_EQ(must(list(source_.path(), patterns)).refs.size(), 1U);
}

TEST_F(GitProgramTest, ListsNothingOfAnEmptyUpstream) {
  const auto answer = must(list(source_.path(), {{"HEAD"}, {"refs/heads/*"}}));
  EXPECT_THAT(answer.refs, IsEmpty());
  EXPECT_EQ(answer.head, std::nullopt);
}

TEST_F(GitProgramTest, ListsNoHeadWhileItIsUnborn) {
  source_.commit({{"a", "1"}});
  source_.git({"symbolic-ref", "HEAD", "refs/heads/unborn"});
  const auto answer = must(list(source_.path(), {{"HEAD"}, {"refs/heads/*"}}));
  EXPECT_EQ(answer.refs.size(), 1U);
  EXPECT_EQ(answer.head, std::nullopt);
}

TEST_F(GitProgramTest, ListsADetachedHeadWithoutABranch) {
  const ObjectId id = source_.commit({{"a", "1"}});
  source_.git({"checkout", "-q", "--detach"});
  const auto answer = must(list(source_.path(), {{"HEAD"}}));
  EXPECT_EQ(answer.head, id);
  EXPECT_EQ(answer.default_branch, std::nullopt);
}

TEST_F(GitProgramTest, SaysNotFoundForAMissingUpstream) {
  for (const std::string& url : {directory_ / "none", "file://" + (directory_ / "none")}) {
    const auto answer = list(url, {{"HEAD"}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error_class, ErrorClass::not_found) << answer.error().message;
  }
}

TEST_F(GitProgramTest, SaysNetworkForAHostThatRefuses) {
  for (const char* url :
       {"http://127.0.0.1:1/x", "git://127.0.0.1:1/x", "ssh://git@127.0.0.1:1/x"}) {
    const auto answer = list(url, {{"HEAD"}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error_class, ErrorClass::network) << answer.error().message;
  }
}

TEST_F(GitProgramTest, FetchesAsOnePackWithoutTouchingOtherRefs) {
  const ObjectId id = source_.commit({{"a", "1"}, {"b/c", "2"}});
  for (const std::string& url : {source_.path(), "file://" + source_.path()}) {
    const FetchReport report = must(fetch(url, request({branch("main")})));
    EXPECT_THAT(report.refs, ElementsAre(Pair(branch("main"), id)));
  }
  EXPECT_EQ(in_mirror({"for-each-ref", "--format=%(refname)"}), "refs/freshet/incoming/heads/main");
  EXPECT_THAT(packs(), Contains(::testing::EndsWith(".pack")));
  EXPECT_EQ(must(list_directory(mirror_ + "/objects")).size(), 2U) << "loose objects";
  EXPECT_FALSE(path_exists(mirror_ + "/FETCH_HEAD"));
}

TEST_F(GitProgramTest, FetchesOnlyWhatIsNew) {
  std::string random(200'000, '\0');
  for (std::size_t i = 0; i < random.size(); ++i) {
    random[i] = static_cast<char>((i * i * 2654435761U) >> 13U);
  }
  source_.commit({{"big", random}});
  take_over(must(fetch(source_.path(), request({branch("main")}))));
  const ObjectId next = source_.commit({{"small", "2"}});
  const auto before = packs();
  const FetchReport report = must(fetch(source_.path(), request({branch("main")})));
  EXPECT_EQ(report.refs.at(branch("main")), next);
  EXPECT_GT(packs().size(), before.size());
  for (const std::string& pack : packs()) {
    struct stat info {};
    ASSERT_EQ(::stat((mirror_ + "/objects/pack/" + pack).c_str(), &info), 0);
    const bool is_new = std::find(before.begin(), before.end(), pack) == before.end();
    EXPECT_TRUE(!is_new || info.st_size < 5000) << pack;
  }
}

TEST_F(GitProgramTest, FollowsARewrittenHistory) {
  source_.commit({{"a", "1"}});
  source_.commit({{"a", "2"}});
  take_over(must(fetch(source_.path(), request({branch("main")}))));
  source_.git({"reset", "-q", "--hard", "HEAD~1"});
  const ObjectId rewritten = source_.commit({{"a", "3"}});
  EXPECT_EQ(must(fetch(source_.path(), request({branch("main")}))).refs.at(branch("main")),
            rewritten);
}

TEST_F(GitProgramTest, NamesTheRefThatVanishedBetweenListingAndFetching) {
  source_.commit({{"a", "1"}});
  const auto result = fetch(source_.path(), request({branch("main"), branch("gone")}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::not_found);
  EXPECT_THAT(result.error().message, HasSubstr("refs/heads/gone"));
  EXPECT_EQ(in_mirror({"for-each-ref"}), "");
}

TEST_F(GitProgramTest, FetchesAThousandRefsAtOnce) {
  const ObjectId id = source_.commit({{"a", "1"}});
  std::string commands;
  std::vector<RefName> refs;
  for (int i = 0; i < 1000; ++i) {
    refs.push_back(branch("topic/" + std::to_string(i)));
    commands += "create " + refs.back().text() + " " + id.hex() + "\n";
  }
  source_.git({"update-ref", "--stdin"}, commands);
  const FetchReport report = must(fetch(source_.path(), request(refs)));
  EXPECT_EQ(report.refs.size(), 1000U);
  EXPECT_EQ(report.refs.at(branch("topic/999")), id);
}

TEST_F(GitProgramTest, FetchesACommitByItsId) {
  const ObjectId old = source_.commit({{"a", "1"}});
  source_.commit({{"a", "2"}});
  FetchRequest by_id = request({});
  by_id.wants.push_back({RefName(), old});
  EXPECT_THAT(must(fetch(source_.path(), by_id)).refs, IsEmpty());
  EXPECT_EQ(in_mirror({"rev-parse", "refs/freshet/incoming/objects/" + old.hex()}), old.hex());
  EXPECT_EQ(in_mirror({"cat-file", "-t", old.hex()}), "commit");
}

TEST_F(GitProgramTest, SaysNotFoundForACommitThatTheUpstreamLacks) {
  source_.commit({{"a", "1"}});
  FetchRequest by_id = request({});
  by_id.wants.push_back({RefName(), ObjectId::parse(std::string(40, '1')).value()});
  const auto result = fetch(source_.path(), by_id);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::not_found) << result.error().message;
}

TEST_F(GitProgramTest, BringsTagsAlongWithoutMovingOnes) {
  source_.commit({{"a", "1"}});
  source_.git({"tag", "-a", "v1", "-m", "v1"});
  source_.git({"tag", "light"});
  take_over(must(fetch(source_.path(), request({branch("main")}))));
  EXPECT_EQ(in_mirror({"rev-parse", "v1"}), source_.id("v1").hex());
  const std::string before = in_mirror({"rev-parse", "light"});
  source_.commit({{"a", "2"}});
  source_.git({"tag", "-f", "light"});
  take_over(must(fetch(source_.path(), request({branch("main")}))));
  EXPECT_EQ(in_mirror({"rev-parse", "light"}), before);
}

TEST_F(GitProgramTest, IsNotStoppedByATagInTheWayOfANewTag) {
  const ObjectId first = source_.commit({{"a", "1"}});
  source_.git({"tag", "v1"});
  take_over(must(fetch(source_.path(), request({branch("main")}))));
  source_.git({"tag", "-d", "v1"});
  const ObjectId second = source_.commit({{"a", "2"}});
  source_.git({"tag", "v1/final"});
  EXPECT_EQ(must(fetch(source_.path(), request({branch("main")}))).refs.at(branch("main")), second);
  EXPECT_EQ(in_mirror({"rev-parse", "refs/tags/v1"}), first.hex());
}

TEST_F(GitProgramTest, FetchesToADepthAndTheRestLater) {
  for (int i = 0; i < 5; ++i) {
    source_.commit({{"a", std::to_string(i)}});
  }
  FetchRequest shallow = request({branch("main")});
  shallow.depth = 2;
  const std::string url = "file://" + source_.path();
  take_over(must(fetch(url, shallow)));
  EXPECT_EQ(in_mirror({"rev-list", "--count", "refs/heads/main"}), "2");
  source_.commit({{"a", "new"}});
  take_over(must(fetch(url, shallow)));
  EXPECT_EQ(in_mirror({"rev-list", "--count", "refs/heads/main"}), "2");
  take_over(must(fetch(url, request({branch("main")}))));
  EXPECT_EQ(in_mirror({"rev-list", "--count", "refs/heads/main"}), "6");
  EXPECT_EQ(in_mirror({"fsck", "--connectivity-only"}), "");
}

TEST_F(GitProgramTest, FetchesFromAnUpstreamThatIsShallowItself) {
  for (int i = 0; i < 3; ++i) {
    source_.commit({{"a", std::to_string(i)}});
  }
  const std::string shallow = directory_ / "shallow";
  git(directory_.path(), {"clone", "-q", "--depth=1", "file://" + source_.path(), shallow});
  take_over(must(fetch(shallow, request({branch("main")}))));
  EXPECT_EQ(in_mirror({"rev-list", "--count", "refs/heads/main"}), "1");
  must(fetch(shallow, request({branch("main")})));
}

TEST_F(GitProgramTest, ReportsHowFarItIs) {
  source_.commit({{"a", "1"}});
  std::vector<Progress> seen;
  FetchRequest watched = request({branch("main")});
  watched.on_progress = [&](const Progress& progress) { seen.push_back(progress); };
  must(fetch("file://" + source_.path(), watched));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().phase, "receiving");
  EXPECT_EQ(seen.back().objects, 3U);
  EXPECT_EQ(seen.back().total_objects, 3U);
}

TEST_F(GitProgramTest, MayCheckInSilenceWhatHasArrived) {
  const ObjectId id = source_.commit({{"a", "1"}});
  // A git that is busy for longer than the silence limit once the pack is there.
  must(make_directories(directory_ / "bin"));
  must(write_file_atomically(directory_ / "bin/git",
                             "#!/bin/sh\ncase \" $* \" in *' fetch '*)\n"
                             "echo 'Receiving objects: 100% (3/3), done.' >&2; sleep 2;; esac\n"
                             "exec /usr/bin/git \"$@\"\n",
                             0755));
  const std::string path = std::getenv("PATH");                 // NOLINT(concurrency-mt-unsafe)
  ::setenv("PATH", ((directory_ / "bin:") + path).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  environment_ = must(GitEnvironment::prepare(directory_.path()));
  ::setenv("PATH", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  limits_.silence = 1s;
  EXPECT_EQ(must(fetch(source_.path(), request({branch("main")}))).refs.at(branch("main")), id);
}

TEST_F(GitProgramTest, TakesALocalUpstreamOfAnotherOwner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a file away";
  }
  const ObjectId id = source_.commit({{"a", "1"}});
  ASSERT_TRUE(freshet::testing::run({"chown", "-R", "65534", source_.path()}).succeeded());
  EXPECT_EQ(must(list(source_.path(), {{"HEAD"}})).head, id);
  EXPECT_EQ(must(fetch(source_.path(), request({branch("main")}))).refs.at(branch("main")), id);
}

TEST_F(GitProgramTest, RunsNothingThatAnUpstreamConfigures) {
  source_.commit({{"a", "1"}});
  const std::string proof = directory_ / "proof";
  const std::string command = "touch " + proof;
  for (const char* key : {"uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand",
                          "core.alternateRefsCommand", "core.pager", "core.gitProxy"}) {
    source_.git({"config", key, command + "; false"});
  }
  source_.git({"config", "core.hooksPath", directory_ / "hooks"});
  for (const char* hook : {"post-checkout", "reference-transaction", "pre-auto-gc"}) {
    must(make_directories(directory_ / "hooks"));
    must(write_file_atomically(directory_ / "hooks" + "/" + hook, "#!/bin/sh\n" + command, 0755));
    must(write_file_atomically(mirror_ + "/hooks/" + hook, "#!/bin/sh\n" + command, 0755));
  }
  must(fetch(source_.path(), request({branch("main")})));
  EXPECT_FALSE(path_exists(proof));
}

TEST_F(GitProgramTest, RefusesATreeThatWouldWriteIntoDotGit) {
  const ObjectId blob =
      ObjectId::parse(source_.git({"hash-object", "-w", "--stdin"}, "evil")).value();
  const std::string tree = source_.git({"mktree"}, "100644 blob " + blob.hex() + "\t.GIT\n");
  const std::string commit = source_.git({"commit-tree", "-m", "x", tree});
  source_.git({"update-ref", "refs/heads/main", commit});
  const auto result = fetch(source_.path(), request({branch("main")}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::corrupt) << result.error().message;
  EXPECT_EQ(in_mirror({"for-each-ref"}), "");
}

TEST_F(GitProgramTest, TakesAnOldHistoryWithHarmlessFaults) {
  source_.commit({{"a", "1"}});
  const std::string commit =
      source_.git({"hash-object", "-t", "commit", "-w", "--stdin", "--literally"},
                  "tree " + source_.id("HEAD^{tree}").hex() +
                      "\nauthor A <a@b> 1 +51800\ncommitter A <a@b> 1 +051800\n\nodd time zone\n");
  source_.git({"update-ref", "refs/heads/main", commit});
  EXPECT_EQ(must(fetch(source_.path(), request({branch("main")}))).refs.at(branch("main")).hex(),
            commit);
}

TEST_F(GitProgramTest, SaysCorruptWhenTheUpstreamLacksAnObjectAndMovesNothing) {
  source_.commit({{"a", "1"}});
  const std::string blob = source_.id("HEAD:a").hex();
  must(remove_tree(source_.path() + "/.git/objects/" + blob.substr(0, 2) + "/" + blob.substr(2)));
  const auto result = fetch("file://" + source_.path(), request({branch("main")}));
  ASSERT_FALSE(result);
  EXPECT_EQ(in_mirror({"for-each-ref"}), "");
}

class HttpUpstreamTest : public GitProgramTest {
 protected:
  HttpGitServer server_{directory_.path()};
  std::string url_ = server_.url("source/.git");
};

TEST_F(HttpUpstreamTest, IsListedAndFetchedLikeALocalOne) {
  source_.commit({{"a", "1"}});
  EXPECT_EQ(must(list(url_, {{"HEAD"}})).default_branch, branch("main"));
  take_over(must(fetch(url_, request({branch("main")}))));
  source_.git({"branch", "a"});
  take_over(must(fetch(url_, request({branch("a")}))));
  const ObjectId next = source_.commit({{"a", "2"}});
  EXPECT_EQ(must(fetch(url_, request({branch("main")}))).refs.at(branch("main")), next);
}

TEST_F(HttpUpstreamTest, MayRedirectTheFirstRequest) {
  const ObjectId id = source_.commit({{"a", "1"}});
  const std::string url = server_.url("moved/source/.git");
  EXPECT_EQ(must(list(url, {{"HEAD"}})).head, id);
  EXPECT_EQ(must(fetch(url, request({branch("main")}))).refs.at(branch("main")), id);
}

TEST_F(HttpUpstreamTest, HasAClassForEachKindOfRefusal) {
  const std::map<std::string, ErrorClass> expected{
      {"status/401/x", ErrorClass::auth},         {"status/403/x", ErrorClass::auth},
      {"status/429/x", ErrorClass::rate_limited}, {"status/500/x", ErrorClass::protocol},
      {"status/502/x", ErrorClass::protocol},     {"nowhere.git", ErrorClass::not_found}};
  for (const auto& [path, error_class] : expected) {
    const auto answer = list(server_.url(path), {{"HEAD"}});
    ASSERT_FALSE(answer) << path;
    EXPECT_EQ(to_string(answer.error().error_class), to_string(error_class))
        << path << ": " << answer.error().message;
  }
}

TEST_F(HttpUpstreamTest, ThatAnswersSomethingElseIsNoEmptyRepository) {
  const auto answer = list(server_.url("status/200/x"), {{"HEAD"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error_class, ErrorClass::protocol);
}

TEST_F(HttpUpstreamTest, ThatIsAnEmptyRepositoryIsOne) {
  const auto answer = must(list(url_, {{"HEAD"}, {"refs/heads/*"}}));
  EXPECT_THAT(answer.refs, IsEmpty());
  EXPECT_EQ(answer.head, std::nullopt);
}

TEST_F(GitProgramTest, GivesUpOnASilentServer) {
  const SilentServer server;
  limits_.silence = 300ms;
  const Instant begin = now();
  const auto answer = list(server.url(), {{"HEAD"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error_class, ErrorClass::timeout);
  const auto result = fetch(server.url(), request({branch("main")}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::timeout);
  EXPECT_LT(now() - begin, 20s);
}

TEST_F(GitProgramTest, GivesUpWhenTheWholeTakesTooLong) {
  const SilentServer server;
  limits_ = {300ms, Duration(0)};
  const auto answer = list(server.url(), {{"HEAD"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error_class, ErrorClass::timeout);
}

/// Hangs in the middle of the pack that it sends.
class HangingUpstreamTest : public GitProgramTest {
 protected:
  HangingUpstreamTest() {
    std::string noise(300'000, '\0');
    std::uint32_t state = 1;
    for (char& byte : noise) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<char>(state >> 24U);
    }
    source_.commit({{"noise", noise}});
    // In the environment's own configuration, since git takes this setting from nowhere else.
    const std::string file = directory_ / "git.config";
    const std::string before = must(read_file(file));
    const std::string hook = directory_ / "hang";
    must(write_file_atomically(hook,
                               "#!/bin/sh\n\"$@\" | head -c 200000\ncd '" + directory_.path() +
                                   "'\necho $$ > pid && mv pid hanging\nexec sleep 600\n",
                               0755));
    must(write_file_atomically(file, before + "[uploadpack]\n  packObjectsHook = " + hook + "\n"));
  }

  bool hangs() const { return path_exists(directory_ / "hanging"); }
  /// A killed process stays listed until its new parent has looked after it.
  bool the_child_is_gone() const {
    const std::string pid = must(read_file(directory_ / "hanging"));
    const auto stat = read_file("/proc/" + pid.substr(0, pid.find('\n')) + "/stat");
    return !stat || stat->find(") Z ") != std::string::npos;
  }
  void expect_nothing_is_left() {
    const Instant deadline = now() + 10s;
    while (!the_child_is_gone() && now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(the_child_is_gone());
    EXPECT_THAT(packs(), IsEmpty());
    EXPECT_EQ(in_mirror({"for-each-ref"}), "");
    EXPECT_TRUE(FileLock::acquire(directory_ / "lock", 10s));
  }
};

TEST_F(HangingUpstreamTest, IsLeftAtOnceWhenTheRefreshIsCancelled) {
  std::optional<FileLock> lock(must(FileLock::acquire(directory_ / "lock")));
  FetchRequest held = request({branch("main")});
  held.lock_descriptor = lock->descriptor();
  const CancelToken cancel;
  std::thread canceller([&] {
    while (!hangs()) {
      std::this_thread::yield();
    }
    cancel.cancel();
  });
  GitProgram program = at("file://" + source_.path());
  const Instant begin = now();
  const auto result = program.fetch(held, cancel);
  canceller.join();
  lock.reset();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::conflict);
  EXPECT_LT(now() - begin, 20s);
  expect_nothing_is_left();
}

TEST_F(HangingUpstreamTest, IsLeftAfterTheSilenceLimit) {
  limits_.silence = 500ms;
  const auto result = fetch("file://" + source_.path(), request({branch("main")}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::timeout);
  expect_nothing_is_left();
}

}  // namespace
}  // namespace freshet::remote
