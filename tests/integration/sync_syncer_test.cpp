#include "sync/syncer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "mirror/care.h"
#include "remote/git_program.h"
#include "support/tree_snapshot.h"
#include "sync/publishing.h"

namespace freshet::sync {
namespace {

using freshet::testing::GitRepository;
using freshet::testing::link_target;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using freshet::testing::TemporaryDirectory;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::string run_git(const std::string& directory, std::vector<std::string> arguments) {
  return freshet::testing::git(directory, std::move(arguments));
}

const RepositoryName kDocs{"docs"};

/// One repository that follows an upstream on this disk, fetched by the git program.
class SyncerTest : public ::testing::Test, private Syncer::World, private PublicationSink {
 protected:
  // As every command of the program has them.
  void SetUp() override {
    ::umask(022);
    ::signal(SIGPIPE, SIG_IGN);
    follow({"HEAD"});
  }

  /// Checkouts at www/0, www/1, ... of these refs.
  void follow(const std::vector<std::string>& refs, const std::vector<std::string>& patterns = {}) {
    auto spec = std::make_shared<RepositorySpec>();
    spec->name = kDocs;
    spec->url = UpstreamUrl::parse(upstream_.path()).value();
    spec->mirror = mirror_;
    for (const std::string& ref : refs) {
      checkout::CheckoutSpec checkout;
      checkout.path = www(spec->checkouts.size());
      checkout.ref = ref;
      spec->checkouts.push_back(checkout);
    }
    for (const std::string& pattern : patterns) {
      spec->follows.push_back({pattern});
    }
    spec_ = spec;
  }

  Outcome refresh(std::vector<Announcement> announcements = {}) {
    const Cause cause = announcements.empty() ? Cause::poll : Cause::delivery;
    return refresh_for(cause, std::move(announcements));
  }

  Outcome refresh_for(Cause cause, std::vector<Announcement> announcements = {}) {
    Job job;
    job.repository = kDocs;
    job.cause = cause;
    job.ticket = ++ticket_;
    job.announcements = std::move(announcements);
    const Outcome outcome = syncer_.run(job, cancel_);
    EXPECT_EQ(outcome.repository, kDocs);
    EXPECT_EQ(outcome.ticket, ticket_);
    EXPECT_EQ(outcome.result == RefreshResult::failed, outcome.error.has_value());
    return outcome;
  }

  RefreshResult result_of_refresh() {
    const Outcome outcome = refresh();
    EXPECT_FALSE(outcome.error) << outcome.error->message;
    return outcome.result;
  }

  std::string www(std::size_t number) const { return directory_ / "www/" + std::to_string(number); }

  std::optional<ObjectId> shown(std::size_t number = 0) const {
    const auto current = checkout_status(spec_->checkouts.at(number));
    return current.commit;
  }

  void expect_shows(const ObjectId& commit, std::size_t number = 0) const {
    EXPECT_EQ(shown(number), commit);
    EXPECT_EQ(run_git(www(number), {"rev-parse", "HEAD"}), commit.hex());
    EXPECT_EQ(run_git(www(number), {"status", "--porcelain"}), "");
  }

  /// Names of the mirror's refs that its readers see.
  std::vector<std::string> mirror_refs() const {
    std::vector<std::string> names;
    const std::string listing = run_git(mirror_, {"for-each-ref", "--format=%(refname)"});
    for (std::size_t begin = 0; begin < listing.size();) {
      const std::size_t end = std::min(listing.find('\n', begin), listing.size());
      const std::string name = listing.substr(begin, end - begin);
      if (!name.starts_with("refs/freshet/")) {
        names.push_back(name);
      }
      begin = end + 1;
    }
    return names;
  }

  /// As a disk does it that nobody reads; the weekly check is due.
  void damage_unnoticed() const {
    for (const std::string& name : must(list_directory(mirror_ + "/objects/pack"))) {
      const std::string path = mirror_ + "/objects/pack/" + name;
      if (name.ends_with(".pack")) {
        std::string content = must(read_file(path));
        content[content.size() / 2] ^= 0x55;
        must(remove_tree(path));
        must(write_new_file(path, content));
      }
    }
    let_check_be_due();
  }

  void let_check_be_due() const {
    const timespec long_ago[2] = {{0, 0}, {0, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (mirror_ + "/freshet.checked").c_str(), long_ago, 0), 0);
  }

  static std::string blob_path(const GitRepository& repository, const std::string& revision) {
    const std::string id = repository.git({"rev-parse", revision});
    return id.substr(0, 2) + "/" + id.substr(2);
  }

  static Announcement announced(const std::string& ref, std::optional<ObjectId> before,
                                std::optional<ObjectId> after, std::uint64_t number = 1) {
    return {RefName(ref), std::move(before), std::move(after), wall_now(), number};
  }

  TemporaryDirectory directory_;
  GitRepository upstream_{directory_ / "upstream"};
  const std::string mirror_ = directory_ / "mirrors/docs.git";
  std::shared_ptr<const RepositorySpec> spec_;
  std::vector<Publication> publications_;
  CancelToken cancel_;
  Syncer syncer_{*this};

 private:
  std::shared_ptr<const RepositorySpec> find(const RepositoryName& name) override {
    return name == kDocs ? spec_ : nullptr;
  }
  std::shared_ptr<remote::Upstream> connect(const RepositorySpec& spec) override {
    return std::make_shared<remote::GitProgram>(spec.url, environment_);
  }
  const GitEnvironment& git() override { return environment_; }
  PublicationSink& publications() override { return *this; }
  void progress(const RepositoryName& /*name*/, const remote::Progress& /*progress*/) override {}
  void published(const Publication& publication) override { publications_.push_back(publication); }

  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  Ticket ticket_ = 0;
};

TEST_F(SyncerTest, FetchesAndPublishesAtFirst) {
  const ObjectId id = upstream_.commit({{"README", "first\n"}, {"folder/a", "1\n"}});
  const Outcome outcome = refresh();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_EQ(outcome.result, RefreshResult::updated);
  EXPECT_TRUE(outcome.fetched);
  EXPECT_EQ(outcome.default_branch, RefName("refs/heads/main"));
  EXPECT_GE(outcome.ended, outcome.started);
  ASSERT_THAT(outcome.checkouts, SizeIs(1));
  EXPECT_EQ(outcome.checkouts[0].commit, id);
  EXPECT_EQ(outcome.checkouts[0].state, CheckoutState::ok);
  EXPECT_TRUE(outcome.checkouts[0].published_at);
  expect_shows(id);
  EXPECT_EQ(must(read_file(www(0) + "/folder/a")), "1\n");
  ASSERT_THAT(publications_, SizeIs(1));
  EXPECT_EQ(publications_[0].new_commit, id);
  EXPECT_EQ(publications_[0].old_commit, std::nullopt);
  EXPECT_EQ(publications_[0].ref, RefName("refs/heads/main"));
  EXPECT_EQ(publications_[0].path, www(0));
  EXPECT_TRUE(is_directory(publications_[0].tree));
}

TEST_F(SyncerTest, FetchesAndWritesNothingWhereNothingIsNew) {
  upstream_.commit({{"a", "1"}});
  refresh();
  const auto before = snapshot_of(mirror_);
  const Outcome outcome = refresh();
  EXPECT_EQ(outcome.result, RefreshResult::unchanged);
  EXPECT_FALSE(outcome.fetched);
  EXPECT_THAT(publications_, SizeIs(1));
  EXPECT_EQ(snapshot_of(mirror_), before);
}

TEST_F(SyncerTest, FollowsTheUpstream) {
  const ObjectId first = upstream_.commit({{"a", "1"}});
  refresh();
  const ObjectId second = upstream_.commit({{"a", "2"}});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(second);
  ASSERT_THAT(publications_, SizeIs(2));
  EXPECT_EQ(publications_[1].old_commit, first);
  EXPECT_EQ(run_git(www(0), {"log", "--format=%H"}), second.hex() + "\n" + first.hex());
}

TEST_F(SyncerTest, FollowsARewrittenHistory) {
  upstream_.commit({{"a", "1"}});
  const ObjectId gone = upstream_.commit({{"a", "2"}});
  refresh();
  upstream_.git({"reset", "-q", "--hard", "HEAD~1"});
  const ObjectId instead = upstream_.commit({{"a", "3"}});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(instead);
  EXPECT_EQ(run_git(mirror_, {"rev-parse", "refs/heads/main"}), instead.hex());
  // And back to what was there before.
  upstream_.git({"reset", "-q", "--hard", gone.hex()});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(gone);
}

TEST_F(SyncerTest, ABranchThatWasDeletedFailsAndKeepsItsTree) {
  upstream_.commit({{"a", "1"}});
  upstream_.git({"branch", "topic"});
  const ObjectId id = upstream_.id("topic");
  follow({"topic"});
  refresh();
  upstream_.git({"branch", "-D", "topic"});
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->error_class, ErrorClass::not_found);
  EXPECT_THAT(outcome.error->message, HasSubstr("topic"));
  EXPECT_EQ(outcome.checkouts[0].state, CheckoutState::failing);
  EXPECT_EQ(outcome.checkouts[0].commit, id) << "what is shown still";
  expect_shows(id);
  EXPECT_THAT(mirror_refs(), Not(Contains("refs/heads/topic")));
  upstream_.git({"branch", "topic"});
  EXPECT_FALSE(refresh().error) << "it is back";
}

TEST_F(SyncerTest, TheTreeOfADeletedBranchSurvivesAGarbageCollection) {
  upstream_.commit({{"a", "1"}});
  upstream_.git({"checkout", "-q", "-b", "topic"});
  const ObjectId id = upstream_.commit({{"a", "2"}});
  upstream_.git({"checkout", "-q", "main"});
  follow({"topic"});
  refresh();
  upstream_.git({"branch", "-D", "topic"});
  refresh();
  run_git(mirror_, {"gc", "-q", "--prune=now"});
  expect_shows(id);
}

TEST_F(SyncerTest, FollowsTheDefaultBranchWhenItIsRenamed) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  upstream_.git({"branch", "-m", "main", "trunk"});
  const Outcome renamed = refresh();
  ASSERT_FALSE(renamed.error) << renamed.error->message;
  EXPECT_EQ(renamed.default_branch, RefName("refs/heads/trunk"));
  EXPECT_EQ(run_git(mirror_, {"symbolic-ref", "HEAD"}), "refs/heads/trunk");
  EXPECT_THAT(mirror_refs(), ElementsAre("refs/heads/trunk"));
  expect_shows(id);
  const ObjectId next = upstream_.commit({{"a", "2"}});
  refresh();
  expect_shows(next);
}

TEST_F(SyncerTest, FollowsTheDefaultBranchToAnother) {
  upstream_.commit({{"a", "1"}});
  refresh();
  upstream_.git({"checkout", "-q", "-b", "next"});
  const ObjectId id = upstream_.commit({{"a", "2"}});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(id);
}

TEST_F(SyncerTest, TakesAnUpstreamWithADetachedHead) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  upstream_.commit({{"a", "2"}});
  upstream_.git({"checkout", "-q", "--detach", id.hex()});
  const Outcome outcome = refresh();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  expect_shows(id);
}

TEST_F(SyncerTest, PublishesBranchesTagsCommitsAndFullRefs) {
  const ObjectId old = upstream_.commit({{"a", "1"}});
  upstream_.git({"tag", "-a", "v1", "-m", "annotated"});
  upstream_.git({"tag", "light"});
  upstream_.git({"update-ref", "refs/pull/7/head", "HEAD"});
  const ObjectId middle = upstream_.commit({{"a", "2"}});
  const ObjectId newest = upstream_.commit({{"a", "3"}});
  follow({"HEAD", "main", "v1", "light", "refs/tags/v1", "refs/pull/7/head", middle.hex()});
  const Outcome outcome = refresh();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  expect_shows(newest, 0);
  expect_shows(newest, 1);
  for (const std::size_t number : {2U, 3U, 4U, 5U}) {
    expect_shows(old, number);
  }
  expect_shows(middle, 6);
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
  EXPECT_FALSE(refresh().fetched);
}

TEST_F(SyncerTest, FollowsATagThatWasMoved) {
  upstream_.commit({{"a", "1"}});
  upstream_.git({"tag", "-a", "v1", "-m", "x"});
  follow({"v1"});
  refresh();
  const ObjectId id = upstream_.commit({{"a", "2"}});
  upstream_.git({"tag", "-f", "-a", "v1", "-m", "y"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(id);
}

TEST_F(SyncerTest, ACommitStaysPublishedThoughNoBranchHoldsItAnyMore) {
  upstream_.commit({{"a", "1"}});
  const ObjectId id = upstream_.commit({{"a", "2"}});
  follow({id.hex()});
  refresh();
  upstream_.git({"reset", "-q", "--hard", "HEAD~1"});
  upstream_.git({"reflog", "expire", "--expire=now", "--all"});
  upstream_.git({"gc", "-q", "--prune=now"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
  run_git(mirror_, {"gc", "-q", "--prune=now"});
  expect_shows(id);
}

TEST_F(SyncerTest, ATagOfNoCommitCannotBePublished) {
  upstream_.commit({{"a", "1"}});
  upstream_.git({"tag", "file", "HEAD:a"});
  follow({"file"});
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  EXPECT_FALSE(path_exists(www(0)));
}

TEST_F(SyncerTest, MirrorsAllBranchesAndTags) {
  upstream_.commit({{"a", "1"}});
  upstream_.git({"branch", "one"});
  upstream_.git({"branch", "deep/er/two"});
  upstream_.git({"tag", "light"});
  upstream_.git({"tag", "-a", "v1", "-m", "x"});
  upstream_.git({"update-ref", "refs/pull/7/head", "HEAD"});
  follow({}, {"refs/heads/*", "refs/tags/*"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  EXPECT_THAT(mirror_refs(),
              UnorderedElementsAre("refs/heads/main", "refs/heads/one", "refs/heads/deep/er/two",
                                   "refs/tags/light", "refs/tags/v1"));
  EXPECT_EQ(run_git(mirror_, {"symbolic-ref", "HEAD"}), "refs/heads/main");
  upstream_.git({"branch", "-D", "one"});
  upstream_.git({"tag", "-d", "light"});
  upstream_.git({"branch", "three"});
  refresh();
  EXPECT_THAT(mirror_refs(), UnorderedElementsAre("refs/heads/main", "refs/heads/three",
                                                  "refs/heads/deep/er/two", "refs/tags/v1"));
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
  run_git(mirror_, {"fsck", "--full", "--strict"});
  run_git(directory_.path(), {"clone", "-q", mirror_, "clone"});
  EXPECT_EQ(must(read_file(directory_ / "clone/a")), "1");
}

TEST_F(SyncerTest, ReplacesABranchByAFolderOfBranches) {
  upstream_.commit({{"a", "1"}});
  follow({}, {"refs/heads/*"});
  upstream_.git({"branch", "topic"});
  refresh();
  upstream_.git({"branch", "-m", "topic", "topic/one"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  EXPECT_THAT(mirror_refs(), UnorderedElementsAre("refs/heads/main", "refs/heads/topic/one"));
}

TEST_F(SyncerTest, ReplacesAFolderOfBranchesByABranchOfNewCommits) {
  upstream_.commit({{"a", "1"}});
  follow({}, {"refs/heads/*"});
  upstream_.git({"branch", "topic/one"});
  upstream_.git({"branch", "topic/two"});
  refresh();
  upstream_.commit({{"a", "2"}});
  upstream_.git({"branch", "-D", "topic/one", "topic/two"});
  upstream_.git({"branch", "topic"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  EXPECT_THAT(mirror_refs(), UnorderedElementsAre("refs/heads/main", "refs/heads/topic"));
}

TEST_F(SyncerTest, AnUpstreamWithoutACommitFailsUntilItHasOne) {
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->error_class, ErrorClass::not_found);
  EXPECT_FALSE(path_exists(www(0)));
  const ObjectId id = upstream_.commit({{"a", "1"}});
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(id);
}

TEST_F(SyncerTest, AnEmptyUpstreamCanBeMirrored) {
  follow({}, {"refs/heads/*"});
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
  EXPECT_THAT(mirror_refs(), IsEmpty());
}

TEST_F(SyncerTest, AnUpstreamThatIsGoneChangesNothing) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  ASSERT_EQ(::rename(upstream_.path().c_str(), (directory_ / "moved").c_str()), 0);
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->error_class, ErrorClass::not_found);
  expect_shows(id);
  EXPECT_EQ(run_git(mirror_, {"rev-parse", "refs/heads/main"}), id.hex());
  ASSERT_EQ(::rename((directory_ / "moved").c_str(), upstream_.path().c_str()), 0);
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
}

TEST_F(SyncerTest, ADamagedUpstreamChangesNothing) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  upstream_.commit({{"a", "2"}, {"b", "lost"}});
  const std::string lost = upstream_.git({"rev-parse", "HEAD:b"});
  must(remove_tree(upstream_.path() + "/.git/objects/" + lost.substr(0, 2) + "/" + lost.substr(2)));
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  expect_shows(id);
  EXPECT_EQ(run_git(mirror_, {"rev-parse", "refs/heads/main"}), id.hex());
  run_git(mirror_, {"fsck", "--full"});
}

TEST_F(SyncerTest, OneFailingCheckoutDoesNotStopAnother) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  follow({"no-such-branch", "HEAD", "main"});
  must(make_directories(www(2) + "/mine"));
  const Outcome outcome = refresh();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->error_class, ErrorClass::not_found) << "the first of the failures";
  EXPECT_EQ(outcome.checkouts[0].state, CheckoutState::failing);
  EXPECT_EQ(outcome.checkouts[1].state, CheckoutState::ok);
  EXPECT_EQ(outcome.checkouts[1].commit, id);
  EXPECT_EQ(outcome.checkouts[2].state, CheckoutState::failing);
  expect_shows(id, 1);
  EXPECT_TRUE(is_directory(www(2) + "/mine"));
  ASSERT_THAT(publications_, SizeIs(1));
  EXPECT_EQ(publications_[0].path, www(1));
}

TEST_F(SyncerTest, ACheckoutThatIsAddedLaterNeedsNoFetch) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  follow({"HEAD", "main"});
  const Outcome outcome = refresh();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_EQ(outcome.result, RefreshResult::updated);
  EXPECT_FALSE(outcome.fetched);
  expect_shows(id, 1);
}

TEST_F(SyncerTest, ATreeThatSomebodyRemovedComesBack) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  must(remove_tree(www(0)));
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(id);
}

TEST_F(SyncerTest, AMirrorThatSomebodyRemovedComesBack) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  must(remove_tree(mirror_));
  const Outcome outcome = refresh();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_TRUE(outcome.fetched);
  expect_shows(id);
}

TEST_F(SyncerTest, GitsConfigurationIsWrittenAgainWhenItWasDamaged) {
  upstream_.commit({{"a", "1"}});
  refresh();
  const ObjectId id = upstream_.commit({{"a", "2"}});
  must(write_file_atomically(directory_ / "git.config", "[safe\ndirectory"));
  EXPECT_FALSE(refresh().error);
  expect_shows(id);
  ASSERT_EQ(::unlink((directory_ / "git.config").c_str()), 0);
  upstream_.commit({{"a", "3"}});
  EXPECT_FALSE(refresh().error);
}

TEST_F(SyncerTest, AMirrorFoundDamagedWhileTheUpstreamIsUnwellIsReplacedOnceItIsWell) {
  const ObjectId id = upstream_.commit({{"a", "1"}, {"b", "2"}});
  refresh();
  damage_unnoticed();
  const std::string objects = upstream_.path() + "/.git/objects";
  const std::string blob = objects + "/" + blob_path(upstream_, "HEAD:b");
  ASSERT_EQ(::rename(blob.c_str(), (directory_ / "blob").c_str()), 0);
  EXPECT_TRUE(refresh().error) << "the check that is due finds it, and nothing better can be had";
  ASSERT_EQ(::rename((directory_ / "blob").c_str(), blob.c_str()), 0);
  result_of_refresh();
  run_git(mirror_, {"fsck", "--full"});
  expect_shows(id);
}

TEST_F(SyncerTest, AMirrorWhosePackIsNoneAnyMoreIsFetchedAnew) {
  const ObjectId id = upstream_.commit({{"a", "1"}, {"b", "2"}});
  refresh();
  for (const std::string& name : must(list_directory(mirror_ + "/objects/pack"))) {
    if (name.ends_with(".pack")) {
      const std::string path = mirror_ + "/objects/pack/" + name;
      must(remove_tree(path));
      must(write_new_file(path, "no pack at all"));
    }
  }
  must(remove_tree(www(0)));
  refresh();
  run_git(mirror_, {"fsck", "--full"});
  expect_shows(id);
}

TEST_F(SyncerTest, AMirrorThatIsNeverPolledIsCheckedByTheOthersInTheEnd) {
  const ObjectId id = upstream_.commit({{"a", "1"}, {"b", "2"}});
  refresh();
  damage_unnoticed();
  EXPECT_EQ(refresh_for(Cause::start).error, std::nullopt);
  EXPECT_TRUE(mirror::check_is_due(mirror_, wall_now())) << "not while everything starts";
  refresh_for(Cause::manual);
  run_git(mirror_, {"fsck", "--full"});
  expect_shows(id);
}

TEST_F(SyncerTest, DamagedFilesOfATreeAreFoundByTheCheckAndAreNoDamageOfTheMirror) {
  upstream_.commit({{"a", "1"}});
  refresh();
  upstream_.commit({{"a", "2"}});
  refresh();
  for (const std::string& name : must(list_directory(mirror_ + "/worktrees"))) {
    must(write_file_atomically(mirror_ + "/worktrees/" + name + "/HEAD", "garbage"));
  }
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(mirror_.c_str(), &before), 0);
  let_check_be_due();
  refresh();
  run_git(mirror_, {"fsck", "--full"});
  ASSERT_EQ(::stat(mirror_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "fetched anew";
  EXPECT_EQ(run_git(www(0), {"status", "--porcelain"}), "");
  for (const std::string& name : must(list_directory(directory_ / "www/.0.freshet"))) {
    if (ObjectId::parse(name)) {
      EXPECT_EQ(run_git(directory_ / "www/.0.freshet/" + name, {"rev-parse", "HEAD"}), name);
    }
  }
}

TEST_F(SyncerTest, WhatAnInterruptedReplacementOfAMirrorLeftIsCleanedUp) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  const std::string beside = mirror_ + ".rebuild";
  must(make_directories(beside));
  ASSERT_EQ(::rename((mirror_ + "/worktrees").c_str(), (beside + "/worktrees").c_str()), 0);
  EXPECT_EQ(result_of_refresh(), RefreshResult::unchanged);
  expect_shows(id);
  EXPECT_FALSE(path_exists(beside));
}

TEST_F(SyncerTest, KeepsOneCommitOfAShallowMirror) {
  upstream_.commit({{"a", "1"}});
  upstream_.commit({{"a", "2"}});
  const ObjectId id = upstream_.commit({{"a", "3"}});
  auto spec = std::make_shared<RepositorySpec>(*spec_);
  spec->depth = 1;
  spec->url = UpstreamUrl::parse("file://" + upstream_.path()).value();
  spec_ = spec;
  EXPECT_EQ(result_of_refresh(), RefreshResult::updated);
  expect_shows(id);
  EXPECT_EQ(run_git(www(0), {"rev-list", "--count", "HEAD"}), "1");
}

TEST_F(SyncerTest, AnUnknownRepositoryIsAnOutcomeToo) {
  Job job;
  job.repository = RepositoryName("unknown");
  const Outcome outcome = syncer_.run(job, cancel_);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->error_class, ErrorClass::not_found);
}

TEST_F(SyncerTest, ACancelledRefreshSaysSoAndChangesNothing) {
  const ObjectId id = upstream_.commit({{"a", "1"}});
  refresh();
  upstream_.commit({{"a", "2"}});
  cancel_.cancel();
  const Outcome outcome = refresh();
  EXPECT_TRUE(outcome.cancelled);
  expect_shows(id);
}

TEST_F(SyncerTest, AFileAndAFolderMayChangePlaces) {
  upstream_.commit({{"x", "file"}, {"y/a", "1"}});
  refresh();
  upstream_.git({"rm", "-rq", "x", "y"});
  const ObjectId id = upstream_.commit({{"x/a", "1"}, {"y", "file"}});
  refresh();
  expect_shows(id);
  EXPECT_EQ(must(read_file(www(0) + "/x/a")), "1");
}

// --- announcements ---

TEST_F(SyncerTest, AWithdrawnCommitIsNotPublishedThoughItIsAnnounced) {
  const ObjectId good = upstream_.commit({{"a", "1"}});
  const ObjectId withdrawn = upstream_.commit({{"a", "secret"}});
  refresh();
  upstream_.git({"reset", "-q", "--hard", good.hex()});
  const Outcome outcome = refresh({announced("refs/heads/main", good, withdrawn)});
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  expect_shows(good);
  EXPECT_EQ(run_git(mirror_, {"rev-parse", "refs/heads/main"}), good.hex());
}

TEST_F(SyncerTest, ACommitThatNobodyHasIsNotPublishedThoughItIsAnnounced) {
  const ObjectId good = upstream_.commit({{"a", "1"}});
  refresh();
  const ObjectId invented = ObjectId::parse(std::string(40, 'e')).value();
  const Outcome outcome = refresh({announced("refs/heads/main", good, invented)});
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_THAT(outcome.lagging, SizeIs(1)) << "the upstream may only be slow";
  expect_shows(good);
}

TEST_F(SyncerTest, WhatIsAnnouncedAndServedIsPublishedAndNotLagging) {
  const ObjectId first = upstream_.commit({{"a", "1"}});
  refresh();
  const ObjectId second = upstream_.commit({{"a", "2"}});
  const Outcome outcome = refresh({announced("refs/heads/main", first, second)});
  EXPECT_THAT(outcome.lagging, IsEmpty());
  expect_shows(second);
}

TEST_F(SyncerTest, AnAnnouncementThatWasOvertakenIsNotLagging) {
  const ObjectId first = upstream_.commit({{"a", "1"}});
  const ObjectId second = upstream_.commit({{"a", "2"}});
  const ObjectId third = upstream_.commit({{"a", "3"}});
  const Outcome outcome = refresh({announced("refs/heads/main", first, second)});
  EXPECT_THAT(outcome.lagging, IsEmpty());
  expect_shows(third);
}

TEST_F(SyncerTest, ALaggingUpstreamIsCaughtUpWith) {
  const ObjectId first = upstream_.commit({{"a", "1"}});
  refresh();
  const ObjectId second = upstream_.commit({{"a", "2"}});
  upstream_.git({"update-ref", "refs/hidden/second", second.hex()});
  upstream_.git({"reset", "-q", "--hard", first.hex()});
  const auto announcement = announced("refs/heads/main", first, second);
  const Outcome early = refresh({announcement});
  EXPECT_THAT(early.lagging, ElementsAre(announcement));
  expect_shows(first);
  upstream_.git({"reset", "-q", "--hard", second.hex()});
  EXPECT_THAT(refresh({announcement}).lagging, IsEmpty());
  expect_shows(second);
}

}  // namespace
}  // namespace freshet::sync
