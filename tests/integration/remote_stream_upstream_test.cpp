#include <set>

#include "remote/curl_client.h"
#include "remote/ssh_command.h"
#include "support/git_daemon.h"
#include "support/ssh_server.h"
#include "support/stream_upstream_fixture.h"

namespace freshet::remote {
namespace {

using namespace freshet::testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Each way to reach the same repository.
class EveryTransport : public StreamUpstreamTest,
                       public ::testing::WithParamInterface<const char*> {
 protected:
  EveryTransport() {
    if (GetParam() == std::string("git")) {
      daemon_.emplace(directory_.path());
    } else if (GetParam() == std::string("ssh")) {
      server_.emplace();
      // The server's keys, and nothing of the user's.
      replace_ssh(
          "exec /usr/bin/ssh -F /dev/null -o IdentityAgent=none -o IdentitiesOnly=yes -i '" +
          link("key") + "' -o UserKnownHostsFile='" + link("known_hosts") + "' \"$@\"");
    }
  }
  /// The server's directory has a name that no plain script would survive.
  std::string link(const std::string& name) {
    const std::string path = directory_ / name;
    must(write_file_atomically(path, must(read_file(server_->key(name))), 0600));
    return path;
  }
  std::unique_ptr<StreamUpstream> upstream(const std::string& path) const {
    if (daemon_) {
      return at(daemon_->url(in_url(path.substr(directory_.path().size() + 1))));
    }
    if (server_) {
      return at(server_->url(in_url(path)).text());
    }
    return at(GetParam() == std::string("file") ? "file://" + in_url(path) : path);
  }
  std::unique_ptr<StreamUpstream> upstream() const { return upstream(origin_.path()); }

  void fill_mirror(const ObjectId& id) const {
    must(fetch(*upstream(), want({id})));
    git(mirror_, {"update-ref", kMain.text(), id.hex()});
  }

  std::optional<GitDaemon> daemon_;
  std::optional<SshServer> server_;
};

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         ::testing::Values("path", "file", "ssh", "git"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(EveryTransport, ListsAndBringsInOneConversation) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"a", "2"}});
  origin_.git({"tag", "-a", "-m", "annotated", "v2"});
  const long before = server_ ? server_->sessions() : 0;
  {
    const auto upstream = this->upstream();
    const auto answer = list(*upstream);
    ASSERT_TRUE(answer) << message_of(answer);
    EXPECT_EQ(answer->default_branch, kMain);
    EXPECT_THAT(answer->refs, ElementsAre(Pair(kMain, tip)));
    FetchRequest request = want({tip});
    request.haves = {old};
    request.follow_tags = true;
    const auto report = fetch(*upstream, request);
    ASSERT_TRUE(report) << message_of(report);
    EXPECT_THAT(report->refs, ElementsAre(Pair(kMain, tip)));
    EXPECT_THAT(report->tags,
                ElementsAre(Pair(RefName("refs/tags/v2"), origin_.id("refs/tags/v2"))));
  }
  EXPECT_TRUE(mirror_has(origin_.id("refs/tags/v2")));
  EXPECT_EQ(git(mirror_, {"show", tip.hex() + ":a"}), "2");
  EXPECT_THAT(unfinished(), IsEmpty());
  if (server_) {
    EXPECT_EQ(server_->sessions() - before, 1);
  }
  EXPECT_FALSE(memory_->speaks_old_only(now())) << "this was git itself";
}

TEST_P(EveryTransport, BringsOnlyTheChange) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 200; ++i) {
    files["file" + std::to_string(i)] =
        std::string(300, static_cast<char>('a' + i % 26)) + std::to_string(i * 7919);
  }
  const ObjectId old = origin_.commit(files);
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"file7", "changed"}});
  FetchRequest request = want({tip});
  request.haves = {old};
  const auto report = fetch(*upstream(), request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_LT(report->received_bytes, 2000U);
  EXPECT_GT(report->received_bytes, 0U);
  git(mirror_, {"fsck", "--strict"});
}

TEST_P(EveryTransport, BringsMoreThanAnyPipeHolds) {
  std::string noise;
  std::uint64_t state = 88172645463325252U;
  for (int i = 0; i < 500'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    noise.append(reinterpret_cast<const char*>(&state), sizeof state);  // NOLINT: its bytes
  }
  const ObjectId tip = origin_.commit({{"noise", noise}});
  FetchRequest request = want({tip});
  std::set<std::string> phases;
  request.on_progress = [&](const Progress& progress) { phases.insert(progress.phase); };
  const auto report = fetch(*upstream(), request);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_GT(report->received_bytes, noise.size());
  EXPECT_THAT(phases, AllOf(Contains("counting"), Contains("receiving")));
}

TEST_P(EveryTransport, CutsHistoryOffAtADepthAndMakesItWholeAgain) {
  std::vector<ObjectId> commits;
  for (int i = 0; i < 5; ++i) {
    commits.push_back(origin_.commit({{"a", std::to_string(i)}}));
  }
  const auto count = [&] {
    git(mirror_, {"update-ref", kMain.text(), commits[4].hex()});
    return git(mirror_, {"rev-list", "--count", "main"});
  };
  FetchRequest request = want({commits[4]});
  request.depth = 2;
  const auto cut = fetch(*upstream(), request);
  ASSERT_TRUE(cut) << message_of(cut);
  EXPECT_EQ(count(), "2");
  request.depth = 0;
  request.haves = {commits[4]};
  const auto whole = fetch(*upstream(), request);
  ASSERT_TRUE(whole) << message_of(whole);
  EXPECT_EQ(count(), "5");
  git(mirror_, {"fsck", "--strict"});
}

TEST_P(EveryTransport, SaysWhenThereIsNoSuchRepository) {
  const auto answer = list(*upstream(directory_ / "none"));
  EXPECT_EQ(class_of(answer), "not_found") << message_of(answer);
  EXPECT_THAT(message_of(answer), HasSubstr("none"));
}

TEST_P(EveryTransport, SaysWhenTheUpstreamHasNoSuchCommit) {
  origin_.commit({{"a", "1"}});
  const auto report = fetch(*upstream(), want({ObjectId::parse(std::string(40, 'a')).value()}));
  EXPECT_EQ(class_of(report), "not_found") << message_of(report);
  EXPECT_THAT(unfinished(), IsEmpty());
}

TEST_P(EveryTransport, ListsNothingOfAnEmptyUpstream) {
  const auto answer = list(*upstream());
  ASSERT_TRUE(answer) << message_of(answer);
  EXPECT_THAT(answer->refs, IsEmpty());
  EXPECT_EQ(answer->head, std::nullopt);
}

TEST_P(EveryTransport, AsksAsOftenAsItIsTold) {
  const ObjectId first = origin_.commit({{"a", "1"}});
  const auto upstream = this->upstream();
  EXPECT_EQ(must(list(*upstream)).head, first);
  const ObjectId second = origin_.commit({{"a", "2"}});
  EXPECT_EQ(must(list(*upstream)).head, second);
  ASSERT_TRUE(fetch(*upstream, want({first})));
  ASSERT_TRUE(fetch(*upstream, want({second})));
  EXPECT_TRUE(mirror_has(second));
}

TEST_F(StreamUpstreamTest, SignsInOverSshAndSharesTheConnection) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const SshServer server;
  const std::string url = server.url(in_url(origin_.path())).text();
  const std::string control = must(make_control_directory(directory_.path()));
  const auto client = must(CurlClient::start());
  const auto try_with = [&](const std::string& key, const std::string& known_hosts) {
    CredentialSpec spec;
    spec.match = url;
    spec.ssh_key_file = server.key(key);
    spec.known_hosts_file = known_hosts;
    Credentials credentials({spec}, *client);
    const auto upstream = at(url, {&credentials, control});
    const auto answer = list(*upstream);
    return answer && fetch(*upstream, want({tip})) ? "fine" : class_of(answer);
  };
  const std::string known_hosts = server.key("known_hosts");
  EXPECT_EQ(try_with("key", known_hosts), "fine");
  EXPECT_EQ(try_with("key", known_hosts), "fine");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.sessions(), 2);
  EXPECT_EQ(try_with("stranger", known_hosts), "auth");
  EXPECT_EQ(try_with("key", "/dev/null"), "auth");
  EXPECT_EQ(server.sessions(), 2);
  end_shared_connections(control, environment_);
}

TEST_F(StreamUpstreamTest, LeavesABundleToGit) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const std::string bundle = directory_ / "docs.bundle";
  origin_.git({"bundle", "create", "-q", bundle, "main"});
  const auto upstream = at(bundle);
  EXPECT_THAT(must(list(*upstream)).refs, ElementsAre(Pair(kMain, tip)));
  ASSERT_TRUE(fetch(*upstream, want({tip})));
  EXPECT_TRUE(mirror_has(tip));
}

TEST_F(StreamUpstreamTest, LeavesAnUpstreamThatIsShallowItselfToGit) {
  for (int i = 0; i < 3; ++i) {
    origin_.commit({{"a", std::to_string(i)}});
  }
  const std::string shallow = directory_ / "shallow";
  git(directory_.path(), {"clone", "-q", "--depth=1", "file://" + in_url(origin_.path()), shallow});
  const auto report = fetch(*at(shallow), want({origin_.id("main")}));
  ASSERT_TRUE(report) << message_of(report);
  git(mirror_, {"update-ref", kMain.text(), origin_.id("main").hex()});
  EXPECT_EQ(git(mirror_, {"rev-list", "--count", "main"}), "1");
}

TEST_F(StreamUpstreamTest, TakesALocalUpstreamOfAnotherOwner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a file away";
  }
  const ObjectId tip = origin_.commit({{"a", "1"}});
  ASSERT_TRUE(freshet::testing::run({"chown", "-R", "65534", origin_.path()}).succeeded());
  const auto upstream = at(origin_.path());
  EXPECT_EQ(must(list(*upstream)).head, tip);
  EXPECT_TRUE(fetch(*upstream, want({tip})));
}

TEST_F(StreamUpstreamTest, RunsNothingThatALocalUpstreamConfigures) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const std::string proof = directory_ / "proof";
  const std::string command = "touch " + proof;
  for (const char* key : {"uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand",
                          "core.alternateRefsCommand", "core.pager", "core.gitProxy"}) {
    origin_.git({"config", key, command + "; false"});
  }
  origin_.git({"config", "core.hooksPath", directory_ / "hooks"});
  must(make_directories(directory_ / "hooks"));
  for (const char* hook : {"post-checkout", "reference-transaction", "pre-auto-gc"}) {
    must(write_file_atomically(directory_ / "hooks" + "/" + hook, "#!/bin/sh\n" + command, 0755));
    must(write_file_atomically(mirror_ + "/hooks/" + hook, "#!/bin/sh\n" + command, 0755));
  }
  const auto upstream = at(origin_.path());
  ASSERT_TRUE(list(*upstream));
  ASSERT_TRUE(fetch(*upstream, want({tip})));
  EXPECT_FALSE(path_exists(proof));
}

}  // namespace
}  // namespace freshet::remote
