#include <poll.h>
#include <sys/syscall.h>

#include <thread>

#include "support/http_git_server.h"
#include "support/stream_upstream_fixture.h"

namespace freshet::remote {
namespace {

using namespace freshet::testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr const char* kHonest = "exec sh -c \"$command\"";
/// The connection ends behind so many bytes.
std::string cut_behind(std::size_t bytes) {
  return "sh -c \"$command\" | { dd bs=1 status=none count=" + std::to_string(bytes) +
         "; kill $$; }";
}
constexpr const char* kOldOnly = "unset GIT_PROTOCOL\nexec sh -c \"$command\"";

class StreamFaults : public StreamUpstreamTest {
 protected:
  void expect_failure(const std::string& script, const std::string& error_class,
                      const std::string& words) {
    replace_ssh(script);
    const auto answer = list(*at(over_ssh()));
    EXPECT_EQ(class_of(answer), error_class) << script << ": " << message_of(answer);
    EXPECT_THAT(message_of(answer), HasSubstr(words)) << script;
    EXPECT_FALSE(memory_->speaks_old_only(now())) << script;
  }
  /// Nothing of it is left, not even as a zombie.
  void expect_no_process() const {
    ASSERT_THAT(ssh_processes(), Not(IsEmpty()));
    for (const pid_t pid : ssh_processes()) {
      EXPECT_NE(::kill(pid, 0), 0) << pid;
    }
  }
  void wait_for_ssh() const {
    while (ssh_processes().empty()) {
      ::poll(nullptr, 0, 5);
    }
  }

  /// From now on `ssh` says to a fetch what was said to one before, without the last bytes.
  void replay_without(std::size_t bytes, const std::string& and_then) const {
    const std::string sent = must(read_file(directory_ / "sent"));
    const std::size_t greeting = sent.find("0000") + 4;
    replace_ssh("head -c " + std::to_string(greeting) + " '" + (directory_ / "sent") +
                "'\nhead -c 1 >/dev/null\nhead -c " + std::to_string(sent.size() - bytes) + " '" +
                (directory_ / "sent") + "' | tail -c +" + std::to_string(greeting + 1) + "\n" +
                and_then);
  }
  void record_a_fetch() const {
    replace_ssh("sh -c \"$command\" | tee '" + (directory_ / "sent") + "'");
    must(fetch(*at(over_ssh()), want({tip_})));
    must(remove_tree(mirror_ + "/objects/pack"));
    must(make_directories(mirror_ + "/objects/pack"));
  }

  const ObjectId tip_ = origin_.commit({{"a", std::string(50'000, 'x')}, {"b", "2"}});
};

TEST_F(StreamFaults, HaveTheClassesOfTheirWords) {
  expect_failure("echo 'Host key verification failed.' >&2; exit 255", "auth", "known_hosts");
  expect_failure("echo 'git@host: Permission denied (publickey).' >&2; exit 255", "auth",
                 "none of the ssh keys");
  expect_failure(
      "echo 'ssh: Could not resolve hostname x: Name or service not known' >&2; exit 255",
      "network", "resolve");
  expect_failure("echo 'ERROR: Repository not found.' >&2; exit 1", "not_found", "not found");
  expect_failure("echo 'Welcome to example' >&2; exit 1", "protocol", "Welcome to example");
  expect_failure("exit 1", "protocol", "without an answer");
  expect_failure("exit 255", "network", "ended the connection");
  expect_failure("echo 'fetch https://me:hunter2@example.org/x failed' >&2; exit 1", "protocol",
                 "https://***@example.org/x");
}

TEST_F(StreamFaults, AreToldInTheProtocolToo) {
  expect_failure("printf '0020ERR no such repository here\\n'", "not_found", "no such repository");
  expect_failure("printf '0016ERR access denied\\n'; exec cat >/dev/null", "auth", "access denied");
}

TEST_F(StreamFaults, IncludeEveryKindOfNonsense) {
  expect_failure("echo 'Welcome to example'", "protocol", "Welcome to example");
  expect_failure("head -c 3000000 /dev/zero", "protocol", "");
  expect_failure("printf '000eversion 2\\n'", "protocol", "cut off");
  expect_failure("printf '000eversion 2\\n0000'; exec cat >/dev/null", "protocol",
                 "lets nobody list or fetch");
  expect_failure("printf '000eversion 2\\n'; yes 000cls-refs= | head -c 5000000 | tr -d '\\n'",
                 "protocol", "too large");
}

TEST_F(StreamFaults, InAListAreNoEmptyList) {
  replace_ssh("sh -c \"$command\" | tee '" + (directory_ / "sent") + "'");
  must(list(*at(over_ssh())));
  const std::size_t whole = must(read_file(directory_ / "sent")).size();
  for (const std::size_t missing : {1, 4, 30}) {
    expect_failure(cut_behind(whole - missing), "protocol", "cut off");
  }
}

TEST_F(StreamFaults, OfAPackLeaveNothingBehind) {
  record_a_fetch();
  for (const std::size_t missing : {1, 4, 30, 200}) {
    replay_without(missing, "");
    const auto report = fetch(*at(over_ssh()), want({tip_}));
    EXPECT_EQ(class_of(report), "protocol") << message_of(report);
    EXPECT_THAT(message_of(report), HasSubstr("cut off"));
    EXPECT_FALSE(mirror_has(tip_)) << missing;
    EXPECT_THAT(unfinished(), IsEmpty());
  }
  replay_without(0, "");
  const auto report = fetch(*at(over_ssh()), want({tip_}));
  EXPECT_TRUE(report) << message_of(report);
}

TEST_F(StreamFaults, OfSilenceEndWithTheChild) {
  for (const char* script : {"exec sleep 1000", "trap '' TERM; sleep 1000 & wait; wait"}) {
    replace_ssh(script);
    const auto silent = list(*at(over_ssh()), {60s, 100ms});
    EXPECT_EQ(class_of(silent), "timeout") << message_of(silent);
    const auto late = list(*at(over_ssh()), {100ms, 60s});
    EXPECT_EQ(class_of(late), "timeout") << message_of(late);
  }
  EXPECT_THAT(ssh_processes(), SizeIs(4));
  expect_no_process();
}

TEST_F(StreamFaults, OfSilenceAreNoticedInTheMiddleOfAFetch) {
  record_a_fetch();
  replay_without(30, "exec sleep 1000");
  FetchRequest request = want({tip_});
  request.limits = {60s, 200ms};
  const auto report = fetch(*at(over_ssh()), request);
  EXPECT_EQ(class_of(report), "timeout") << message_of(report);
  EXPECT_THAT(unfinished(), IsEmpty());
  expect_no_process();
}

TEST_F(StreamFaults, DoNotKeepAnybodyWhoWantsToStop) {
  replace_ssh("exec sleep 1000");
  for (const bool fetches : {false, true}) {
    const CancelToken cancel;
    std::thread person([&] {
      wait_for_ssh();
      cancel.cancel();
    });
    const auto upstream = at(over_ssh());
    const std::string end = fetches ? class_of(upstream->fetch(want({tip_}), cancel))
                                    : class_of(upstream->list_refs({{"HEAD"}}, kPatient, cancel));
    person.join();
    EXPECT_EQ(end, "conflict");
  }
  expect_no_process();
}

TEST_F(StreamFaults, OfAConnectionBetweenTwoQuestionsAreMended) {
  replace_ssh(kHonest);
  const auto upstream = at(over_ssh());
  ASSERT_TRUE(list(*upstream));
  ASSERT_THAT(ssh_processes(), SizeIs(1));
  ASSERT_EQ(::kill(-ssh_processes()[0], SIGKILL), 0);
  const auto report = fetch(*upstream, want({tip_}));
  EXPECT_TRUE(report) << message_of(report);
  EXPECT_TRUE(mirror_has(tip_));
  EXPECT_THAT(ssh_processes(), SizeIs(2));
}

TEST_F(StreamFaults, AreNoReasonToAskForEver) {
  // Each connection ends behind the greeting.
  replace_ssh("sh -c \"$command </dev/null\"");
  const auto answer = list(*at(over_ssh()));
  EXPECT_EQ(class_of(answer), "protocol") << message_of(answer);
  EXPECT_THAT(ssh_processes(), SizeIs(1));
}

TEST_F(StreamFaults, OfTheMirrorsSideEndTheConversation) {
  replace_ssh(kHonest);
  FetchRequest request = want({tip_});
  request.largest_pack = 100;
  const auto large = fetch(*at(over_ssh()), request);
  EXPECT_EQ(class_of(large), "config") << message_of(large);
  request.largest_pack = 0;
  request.min_free_disk = std::uint64_t{1} << 60U;
  EXPECT_EQ(class_of(fetch(*at(over_ssh()), request)), "no_space");
  EXPECT_THAT(unfinished(), IsEmpty());
  expect_no_process();
}

TEST_F(StreamFaults, OfAMissingSshSayWhatToInstall) {
  ::setenv("PATH", (directory_ / "bin").c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  environment_ = must(GitEnvironment::prepare(directory_.path()));
  const auto answer = list(*at(over_ssh()));
  EXPECT_EQ(class_of(answer), "config");
  EXPECT_THAT(message_of(answer), HasSubstr("install an ssh client"));
}

TEST_F(StreamFaults, OfAnAddressReachNoCommandLine) {
  replace_ssh(kHonest);
  const auto answer = list(*at("ssh://-oProxyCommand=true@somewhere/x"));
  EXPECT_EQ(class_of(answer), "config") << message_of(answer);
  EXPECT_THAT(ssh_processes(), IsEmpty());
}

TEST_F(StreamFaults, OfTheNetworkAreToldForEachTransport) {
  for (const char* url : {"git://127.0.0.1:1/x", "ssh://git@127.0.0.1:1/x", "git://[::1]:1/x"}) {
    const auto answer = list(*at(url));
    EXPECT_EQ(class_of(answer), "network") << message_of(answer);
  }
  const SilentServer silent;
  const auto answer =
      list(*at("git://127.0.0.1:" + std::to_string(silent.port()) + "/x"), {60s, 100ms});
  EXPECT_EQ(class_of(answer), "timeout") << message_of(answer);
}

TEST_F(StreamUpstreamTest, LeavesAServerOfVersion0ToGitAndRemembersThat) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  replace_ssh(kOldOnly);
  const auto first = at(over_ssh());
  const auto listed = list(*first);
  ASSERT_TRUE(listed) << message_of(listed);
  EXPECT_THAT(listed->refs, ElementsAre(Pair(kMain, tip)));
  EXPECT_EQ(listed->default_branch, kMain);
  EXPECT_THAT(ssh_processes(), SizeIs(2)) << "one to find out, and git's";
  const auto report = fetch(*at(over_ssh()), want({tip}));
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_TRUE(mirror_has(tip));
  EXPECT_THAT(ssh_processes(), SizeIs(3)) << "git's alone";
}

TEST_F(StreamUpstreamTest, LeavesAnEmptyRepositoryOfAVeryOldServerToGit) {
  replace_ssh("printf 0000; exec cat >/dev/null");
  const auto answer = list(*at(over_ssh()));
  ASSERT_TRUE(answer) << message_of(answer);
  EXPECT_THAT(answer->refs, IsEmpty());
  EXPECT_TRUE(memory_->speaks_old_only(now()));
}

TEST_F(StreamUpstreamTest, TakesLeaveOfAServerThatHasNothingNew) {
  origin_.commit({{"a", "1"}});
  const std::string status = directory_ / "status";
  replace_ssh("sh -c \"$command\"; echo $? >" + status);
  ASSERT_TRUE(list(*at(over_ssh())));
  EXPECT_EQ(must(read_file(status)), "0\n");
}

}  // namespace
}  // namespace freshet::remote
