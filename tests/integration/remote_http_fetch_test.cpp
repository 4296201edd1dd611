#include <set>
#include <thread>

#include "base/file_lock.h"
#include "support/http_upstream_fixture.h"

namespace freshet::remote {
namespace {

using namespace freshet::testing;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(ProtocolUpstreamTest, BringsWhatIsWantedAndMovesNoRef) {
  const ObjectId tip = origin_.commit({{"a", "1"}, {"b/c", "2"}});
  FetchRequest request = want({tip});
  request.wants.push_back({RefName(), tip});
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_THAT(report->refs, ElementsAre(Pair(request.wants[0].ref, tip)));
  EXPECT_GT(report->received_bytes, 100U);
  EXPECT_EQ(git(mirror_, {"show", tip.hex() + ":b/c"}), "2");
  EXPECT_EQ(refs(), "");
  EXPECT_THAT(unfinished(), IsEmpty());
}

TEST_F(ProtocolUpstreamTest, BringsAChangeWithOneRequestAndOnlyTheChange) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 200; ++i) {
    files["file" + std::to_string(i)] =
        std::string(300, static_cast<char>('a' + i % 26)) + std::to_string(i * 7919);
  }
  const ObjectId old = origin_.commit(files);
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"file7", "changed"}});
  const int before = server_.requests();
  FetchRequest request = want({tip});
  request.haves = {old};
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_EQ(server_.requests() - before, 1);
  EXPECT_LT(report->received_bytes, 2000U);
  EXPECT_EQ(git(mirror_, {"show", tip.hex() + ":file7"}), "changed");
  git(mirror_, {"fsck", "--strict"});
}

TEST_F(ProtocolUpstreamTest, BringsRewrittenHistoryByTheAncestorsThatAreStillThere) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 100; ++i) {
    files["file" + std::to_string(i)] = std::to_string(i * 104729) + std::string(200, 'x');
  }
  const ObjectId base = origin_.commit(files);
  const ObjectId old = origin_.commit({{"a", "old"}});
  fill_mirror(old);
  origin_.git({"reset", "-q", "--hard", base.hex()});
  const ObjectId tip = origin_.commit({{"a", "new"}});
  origin_.git({"reflog", "expire", "--expire=now", "--all"});
  origin_.git({"gc", "-q", "--prune=now"});
  FetchRequest request = want({tip});
  request.haves = {old, base};
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_LT(report->received_bytes, 2000U);
  EXPECT_TRUE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, BringsHistoryThatSharesNothingWithWhatIsThere) {
  fill_mirror(origin_.commit({{"a", "1"}}));
  origin_.git({"checkout", "-q", "--orphan", "other"});
  const ObjectId tip = origin_.commit({{"b", "2"}}, "alone");
  FetchRequest request = want({tip});
  request.haves = {ObjectId::parse(git(mirror_, {"rev-parse", "main"})).value(),
                   ObjectId::parse(std::string(40, 'a')).value()};
  ASSERT_TRUE(fetch(request));
  EXPECT_TRUE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, BringsWhatIsThereAlready) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  fill_mirror(tip);
  FetchRequest request = want({tip});
  request.haves = {tip};
  const auto report = fetch(request);
  EXPECT_TRUE(report) << message_of(report);
}

TEST_F(ProtocolUpstreamTest, FollowsTagsThatPointIntoWhatIsFetched) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"a", "2"}});
  origin_.git({"tag", "-a", "-m", "annotated", "v2"});
  origin_.git({"tag", "light"});
  origin_.git({"checkout", "-q", "-b", "other"});
  origin_.commit({{"a", "3"}});
  origin_.git({"tag", "elsewhere"});
  FetchRequest request = want({tip});
  request.haves = {old};
  request.follow_tags = true;
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_THAT(report->tags, ElementsAre(Pair(RefName("refs/tags/light"), tip),
                                        Pair(RefName("refs/tags/v2"), origin_.id("refs/tags/v2"))));
  EXPECT_TRUE(mirror_has(origin_.id("refs/tags/v2")));
}

TEST_F(ProtocolUpstreamTest, AsksTheOwnerOfTheMirrorWhereThatIsCheaper) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"a", "2"}});
  origin_.git({"tag", "v2"});
  FetchRequest request = want({tip});
  request.haves = {old};
  request.follow_tags = true;
  std::vector<ObjectId> checked;
  request.check_connected = [&](const std::vector<ObjectId>& tips) {
    checked = tips;
    return Result<bool>(true);
  };
  request.find_objects = [&](const std::vector<ObjectId>& ids) {
    return Result<std::set<ObjectId>>(std::set<ObjectId>(ids.begin(), ids.end()));
  };
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_THAT(checked, ElementsAre(tip));
  EXPECT_THAT(report->tags, ElementsAre(Key(RefName("refs/tags/v2"))));
  request.wants = want({origin_.commit({{"a", "3"}})}).wants;
  request.check_connected = [](const std::vector<ObjectId>&) {
    return Result<bool>(fail(ErrorClass::corrupt, "a hole"));
  };
  expect_failure(fetch(request), "corrupt", "a hole");
  request.check_connected = [](const std::vector<ObjectId>&) { return Result<bool>(false); };
  const auto left_to_git = fetch(request);
  EXPECT_TRUE(left_to_git) << message_of(left_to_git);
}

TEST_F(ProtocolUpstreamTest, TellsHowFarItIs) {
  const ObjectId tip = origin_.commit({{"a", "1"}, {"b", "2"}});
  FetchRequest request = want({tip});
  std::set<std::string> phases;
  std::uint64_t objects = 0;
  request.on_progress = [&](const Progress& progress) {
    phases.insert(progress.phase);
    objects = progress.total_objects;
  };
  ASSERT_TRUE(fetch(request));
  EXPECT_THAT(phases, AllOf(Contains("counting"), Contains("receiving")));
  EXPECT_EQ(objects, 4U);
}

TEST_F(ProtocolUpstreamTest, ListsAndFetchesAtTheSameTime) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  for (int i = 0; i < 5; ++i) {
    const ObjectId tip = origin_.commit({{"a", std::to_string(i + 2)}});
    auto both = upstream();
    Result<Advertisement> answer = fail(ErrorClass::internal, "");
    std::thread lister(
        [&] { answer = both.list_refs({{"refs/heads/*"}}, kPatient, CancelToken()); });
    FetchRequest request = want({});
    request.wants.push_back({RefName(), tip});
    request.haves = {old};
    const auto report = both.fetch(request, CancelToken());
    lister.join();
    ASSERT_TRUE(report) << message_of(report);
    ASSERT_TRUE(answer) << message_of(answer);
    EXPECT_THAT(answer->refs, ElementsAre(Pair(kMain, tip)));
    EXPECT_TRUE(mirror_has(tip));
  }
}

TEST_F(ProtocolUpstreamTest, CutsHistoryOffAtADepthAndMakesItWholeAgain) {
  std::vector<ObjectId> commits;
  commits.reserve(6);
  for (int i = 0; i < 6; ++i) {
    commits.push_back(origin_.commit({{"a", std::to_string(i)}}));
  }
  const auto count = [&] { return git(mirror_, {"rev-list", "--count", "main"}); };
  FetchRequest request = want({commits[4]});
  request.depth = 2;
  const auto cut = fetch(request);
  ASSERT_EQ(class_of(cut), "fine") << message_of(cut);
  git(mirror_, {"update-ref", "refs/heads/main", commits[4].hex()});
  EXPECT_EQ(count(), "2");
  EXPECT_EQ(git(mirror_, {"rev-parse", "--is-shallow-repository"}), "true");

  request = want({commits[5]});
  request.depth = 2;
  request.haves = {commits[4]};
  const auto moved = fetch(request);
  ASSERT_EQ(class_of(moved), "fine") << message_of(moved);
  git(mirror_, {"update-ref", "refs/heads/main", commits[5].hex()});
  EXPECT_EQ(count(), "2");

  request.depth = 4;
  request.haves = {commits[5]};
  const auto deeper = fetch(request);
  ASSERT_EQ(class_of(deeper), "fine") << message_of(deeper);
  EXPECT_EQ(count(), "4");

  request.depth = 0;
  const auto whole = fetch(request);
  ASSERT_EQ(class_of(whole), "fine") << message_of(whole);
  EXPECT_EQ(count(), "6");
  EXPECT_EQ(git(mirror_, {"rev-parse", "--is-shallow-repository"}), "false");
  git(mirror_, {"fsck", "--strict"});
  EXPECT_FALSE(path_exists(mirror_ + "/freshet.shallow"));
}

TEST_F(ProtocolUpstreamTest, LeavesAnUpstreamThatIsShallowItselfToAnother) {
  for (int i = 0; i < 3; ++i) {
    origin_.commit({{"a", std::to_string(i)}});
  }
  git(directory_.path(), {"clone", "-q", "--bare", "--depth=1", "file://" + origin_.path(),
                          directory_ / "root/shallow"});
  const auto report = at(server_.url("shallow")).fetch(want({origin_.id("main")}), CancelToken());
  EXPECT_EQ(class_of(report), "fine") << message_of(report);
  EXPECT_EQ(old_calls_, 1);
  EXPECT_THAT(unfinished(), IsEmpty());
}

TEST_F(ProtocolUpstreamTest, BringsAThousandRefs) {
  origin_.commit({{"a", "1"}});
  std::string commands;
  for (int i = 0; i < 1000; ++i) {
    const std::string mark = std::to_string(i + 1);
    commands.append("commit refs/heads/b").append(mark);
    commands.append("\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\nM 100644 inline f\ndata ");
    commands.append(std::to_string(mark.size())).append("\n").append(mark).append("\n");
  }
  origin_.git({"fast-import", "--quiet"}, commands);
  const auto answer = list({{"refs/heads/*"}});
  ASSERT_TRUE(answer) << message_of(answer);
  ASSERT_THAT(answer->refs, SizeIs(1001));
  FetchRequest request = want({});
  for (const auto& [ref, id] : answer->refs) {
    request.wants.push_back({ref, id});
  }
  const auto report = fetch(request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_EQ(report->refs, answer->refs);
  EXPECT_EQ(git(mirror_, {"count-objects"}), "0 objects, 0 kilobytes");
}

TEST_F(ProtocolUpstreamTest, BringsALargeRepositoryFromNginx) {
  std::string noise;
  std::uint64_t state = 88172645463325252U;
  for (int i = 0; i < 3'000'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    noise.append(reinterpret_cast<const char*>(&state), sizeof state);  // NOLINT: its bytes
  }
  std::map<std::string, std::string> files;
  for (std::size_t i = 0; i < 24; ++i) {
    files["part" + std::to_string(i)] = noise.substr(i * 1'000'000, 1'000'000);
  }
  const ObjectId tip = origin_.commit(files);
  const HttpGitServer nginx(directory_ / "root");
  auto remote = at(nginx.url("docs"));
  // Nobody else runs the child that asks: had it been needed, the pack would not prove itself.
  FetchRequest request = want({tip});
  request.check_connected = [](const std::vector<ObjectId>&) {
    return Result<bool>(fail(ErrorClass::internal, "asked"));
  };
  const auto report = remote.fetch(request, CancelToken());
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_GT(report->received_bytes, 23'000'000U);
  git(mirror_, {"update-ref", "refs/heads/main", tip.hex()});
  const ObjectId next = origin_.commit({{"small", "1"}});
  request = want({next});
  request.haves = {tip};
  const auto second = remote.fetch(request, CancelToken());
  ASSERT_TRUE(second) << message_of(second);
  EXPECT_LT(second->received_bytes, 3'000U);
  git(mirror_, {"fsck", "--strict"});
}

TEST_F(ProtocolUpstreamTest, GivesTheMirrorsLockToTheChild) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const FileLock lock = must(FileLock::acquire(directory_ / "lock"));
  FetchRequest request = want({tip});
  request.lock_descriptor = lock.descriptor();
  EXPECT_EQ(class_of(fetch(request)), "fine");
}

}  // namespace
}  // namespace freshet::remote
