#include "remote/http_upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <set>

#include "base/file_lock.h"
#include "remote/arrival.h"
#include "remote/fetch_exchange.h"
#include "support/curl_fixture.h"
#include "support/upload_pack_server.h"

namespace freshet::remote {
namespace {

using namespace std::chrono_literals;
using freshet::testing::change_pack;
using freshet::testing::git;
using freshet::testing::GitRepository;
using freshet::testing::HttpGitServer;
using freshet::testing::is_fetch;
using freshet::testing::kPatient;
using freshet::testing::must;
using freshet::testing::ScriptRequest;
using freshet::testing::SilentServer;
using freshet::testing::TemporaryDirectory;
using freshet::testing::UploadPackAnswer;
using freshet::testing::UploadPackServer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

const RefName kMain("refs/heads/main");

template <class T>
std::string class_of(const Result<T>& result) {
  return result ? "fine" : std::string(to_string(result.error().error_class));
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "fine" : result.error().message;
}

/// Stands in for the one that speaks old versions, and counts.
class Counting : public Upstream {
 public:
  explicit Counting(int& calls) : calls_(calls) {}
  Result<Advertisement> list_refs(const std::vector<RefPattern>&, const TimeLimits&,
                                  const CancelToken&) override {
    ++calls_;
    return Advertisement{};
  }
  Result<FetchReport> fetch(const FetchRequest&, const CancelToken&) override {
    ++calls_;
    return FetchReport{};
  }

 private:
  int& calls_;
};

class ProtocolUpstreamTest : public ::testing::Test {
 protected:
  ProtocolUpstreamTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as every command of the program has it
    git(directory_.path(), {"init", "-q", "--bare", "-b", "main", mirror_});
  }

  HttpUpstream at(const std::string& url, Credentials* credentials = nullptr) {
    return HttpUpstream(must(UpstreamUrl::parse(url)), *client_, credentials, memory_, environment_,
                        std::make_unique<Counting>(old_calls_));
  }
  HttpUpstream upstream() { return at(server_.url("docs")); }

  FetchRequest want(const std::vector<ObjectId>& ids) const {
    FetchRequest request;
    request.mirror = mirror_;
    request.limits = kPatient;
    for (const ObjectId& id : ids) {
      request.wants.push_back({RefName("refs/heads/" + id.hex().substr(0, 8)), id});
    }
    return request;
  }
  Result<FetchReport> fetch(const FetchRequest& request) {
    return upstream().fetch(request, CancelToken());
  }
  Result<Advertisement> list(std::vector<RefPattern> patterns) {
    return upstream().list_refs(patterns, kPatient, CancelToken());
  }

  /// A mirror that has the commit already.
  void fill_mirror(const ObjectId& id, const RefName& ref = kMain) {
    must(fetch(want({id})));
    git(mirror_, {"update-ref", ref.text(), id.hex()});
  }
  bool mirror_has(const ObjectId& id) const {
    return freshet::testing::run({"git", "--git-dir=" + mirror_, "cat-file", "-e", id.hex()})
        .succeeded();
  }
  std::vector<std::string> unfinished() const {
    std::vector<std::string> names = must(list_directory(mirror_ + "/objects/pack"));
    std::erase_if(names, [](const std::string& name) { return name.starts_with("pack-"); });
    return names;
  }
  std::string refs() const { return git(mirror_, {"for-each-ref"}); }

  void expect_failure(const Result<FetchReport>& result, const std::string& error_class,
                      const std::string& words) {
    EXPECT_EQ(class_of(result), error_class) << message_of(result);
    EXPECT_THAT(message_of(result), HasSubstr(words));
    EXPECT_THAT(unfinished(), IsEmpty());
  }

  /// Changes every answer to a fetch.
  void change_fetches(std::function<void(UploadPackAnswer&)> change) {
    server_.change(
        [change = std::move(change)](const ScriptRequest& request, UploadPackAnswer& answer) {
          if (is_fetch(request)) {
            change(answer);
          }
        });
  }

  TemporaryDirectory directory_;
  GitRepository origin_{directory_ / "root/docs"};
  std::string mirror_ = directory_ / "mirror.git";
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  std::unique_ptr<CurlClient> client_ = must(CurlClient::start());
  std::shared_ptr<RemoteMemory> memory_ = std::make_shared<RemoteMemory>();
  int old_calls_ = 0;
  UploadPackServer server_{directory_ / "root"};
};

// Listing

TEST_F(ProtocolUpstreamTest, ListsWhatWasAskedForAndNothingElse) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  origin_.git({"branch", "main2"});
  origin_.git({"tag", "-a", "-m", "x", "v1"});
  const auto answer = list({{"refs/heads/main"}, {"refs/tags/*"}, {"HEAD"}});
  ASSERT_TRUE(answer) << message_of(answer);
  EXPECT_THAT(answer->refs, ElementsAre(Pair(kMain, tip),
                                        Pair(RefName("refs/tags/v1"), origin_.id("refs/tags/v1"))));
  EXPECT_EQ(answer->default_branch, kMain);
  EXPECT_EQ(answer->head, tip);
}

TEST_F(ProtocolUpstreamTest, ListsWithOneRequestOnceTheServerIsKnown) {
  origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  EXPECT_EQ(server_.requests(), 2);
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  EXPECT_EQ(server_.requests(), 3);
}

TEST_F(ProtocolUpstreamTest, ListsWithoutBlocking) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  for (int i = 0; i < 2; ++i) {
    const auto answer = wait_for<Result<Advertisement>>([&](auto done) {
      upstream().list_refs_async({{"refs/heads/*"}}, kPatient, CancelToken(), std::move(done));
    });
    ASSERT_TRUE(answer) << message_of(answer);
    EXPECT_THAT(answer->refs, ElementsAre(Pair(kMain, tip)));
  }
  EXPECT_TRUE(upstream().lists_without_blocking());
}

TEST_F(ProtocolUpstreamTest, ListsAnEmptyRepositoryAsOneWithoutRefs) {
  const auto answer = list({{"refs/heads/*"}, {"HEAD"}});
  ASSERT_TRUE(answer) << message_of(answer);
  EXPECT_THAT(answer->refs, IsEmpty());
  EXPECT_EQ(answer->default_branch, kMain);
  EXPECT_EQ(answer->head, std::nullopt);
}

TEST_F(ProtocolUpstreamTest, NeverTakesAnAnswerWithoutItsEndForNoRefs) {
  origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  server_.change([](const ScriptRequest& request, UploadPackAnswer& answer) {
    if (!request.body.empty()) {
      answer.body.clear();
    }
  });
  EXPECT_EQ(class_of(list({{"refs/heads/*"}})), "protocol");
  EXPECT_EQ(old_calls_, 0);
}

TEST_F(ProtocolUpstreamTest, AsksAnewWhenTheServerChangedBehindItsBack) {
  origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  must(make_directories(directory_ / "elsewhere"));
  bool old_place_is_gone = false;
  server_.change([&](const ScriptRequest& request, UploadPackAnswer& answer) {
    if (!request.body.empty() && !std::exchange(old_place_is_gone, true)) {
      answer = {"404 Not Found", "text/html", "gone", "", false};
    }
  });
  EXPECT_EQ(class_of(list({{"refs/heads/*"}})), "fine");
  EXPECT_EQ(server_.requests(), 5);
}

TEST_F(ProtocolUpstreamTest, PostsToWhereTheGreetingWasLed) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  server_.change([&](const ScriptRequest& request, UploadPackAnswer& answer) {
    if (request.target().starts_with("/old/info/refs")) {
      answer = {"301 Moved", "text/html", "",
                "Location: " + server_.url("docs/info/refs?service=git-upload-pack") + "\r\n",
                false};
    }
  });
  for (int i = 0; i < 2; ++i) {
    const auto answer =
        at(server_.url("old")).list_refs({{"refs/heads/*"}}, kPatient, CancelToken());
    ASSERT_TRUE(answer) << message_of(answer);
    EXPECT_THAT(answer->refs, ElementsAre(Pair(kMain, tip)));
  }
  EXPECT_EQ(server_.requests(), 4);
}

TEST_F(ProtocolUpstreamTest, LeavesOldServersToAnotherAndRemembersThem) {
  origin_.commit({{"a", "1"}});
  server_.change([&](const ScriptRequest&, UploadPackAnswer& answer) {
    answer.body = "001e# service=git-upload-pack\n0000" + std::string("0042") +
                  std::string(40, 'a') + " refs/heads/main" + std::string(1, '\0') + "thin\n0000";
  });
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  EXPECT_EQ(old_calls_, 1);
  EXPECT_EQ(server_.requests(), 1);
  EXPECT_FALSE(upstream().lists_without_blocking());
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  ASSERT_TRUE(fetch(want({ObjectId::parse(std::string(40, 'a')).value()})));
  EXPECT_EQ(old_calls_, 3);
  EXPECT_EQ(server_.requests(), 1);
}

TEST_F(ProtocolUpstreamTest, TurnsToAnotherWhenAProxyBeginsToDropTheVersion) {
  origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  const std::string old =
      freshet::testing::run({"git", "upload-pack", "--http-backend-info-refs", origin_.path()})
          .output;
  server_.change([&](const ScriptRequest& request, UploadPackAnswer& answer) {
    answer.body = request.body.empty() ? old : "";
  });
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  EXPECT_EQ(old_calls_, 1);
}

TEST_F(ProtocolUpstreamTest, SortsWhatGoesWrong) {
  struct Row {
    const char* status;
    const char* headers;
    const char* error_class;
  };
  for (const Row& row :
       {Row{"401 No", "WWW-Authenticate: Basic\r\n", "auth"}, Row{"403 No", "", "auth"},
        Row{"404 No", "", "not_found"}, Row{"429 No", "Retry-After: 7\r\n", "rate_limited"},
        Row{"500 No", "", "protocol"}, Row{"502 No", "", "network"}}) {
    memory_->forget();
    server_.change([&](const ScriptRequest&, UploadPackAnswer& answer) {
      answer = {row.status, "text/html", "sorry", row.headers, false};
    });
    const auto answer = list({{"refs/heads/*"}});
    EXPECT_EQ(class_of(answer), row.error_class) << row.status;
    EXPECT_EQ(answer.error().retry_after.has_value(),
              std::string(row.headers).starts_with("Retry"));
  }
  server_.change([&](const ScriptRequest&, UploadPackAnswer& answer) {
    answer = {"200 OK", "text/html; charset=utf-8", "<!DOCTYPE html>", "", false};
  });
  EXPECT_EQ(class_of(list({{"refs/heads/*"}})), "protocol");
  EXPECT_THAT(message_of(list({{"refs/heads/*"}})), HasSubstr("text/html"));
  const SilentServer silent;
  EXPECT_EQ(class_of(at(silent.url()).list_refs({{"HEAD"}}, {30s, 100ms}, CancelToken())),
            "timeout");
}

TEST_F(ProtocolUpstreamTest, TakesANewLoginOnceWhenTheFirstIsRefused) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const std::string token = directory_ / "token";
  must(write_file_atomically(token, "old"));
  CredentialSpec spec;
  spec.match = "http://127.0.0.1:" + std::to_string(server_.port()) + "/*";
  spec.token_file = token;
  Credentials credentials({spec}, *client_);
  std::set<std::string> shown;
  Mutex mutex;
  server_.change([&](const ScriptRequest& request, UploadPackAnswer& answer) {
    const MutexLock lock(mutex);
    shown.insert(request.header("authorization"));
    if (shown.size() < 2) {
      must(write_file_atomically(token, "new"));
      answer = {"401 No", "text/html", "", "WWW-Authenticate: Basic\r\n", false};
    }
  });
  auto signed_in = at(server_.url("docs"), &credentials);
  const auto answer = signed_in.list_refs({{"refs/heads/*"}}, kPatient, CancelToken());
  ASSERT_TRUE(answer) << message_of(answer);
  const auto report = signed_in.fetch(want({tip}), CancelToken());
  EXPECT_TRUE(report) << message_of(report);
  const MutexLock lock(mutex);
  EXPECT_THAT(shown, AllOf(SizeIs(2), ::testing::Each(StartsWith("Basic "))));
}

// Fetching

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
    return Result<void>();
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
    return Result<void>(fail(ErrorClass::corrupt, "a hole"));
  };
  expect_failure(fetch(request), "corrupt", "a hole");
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

TEST_F(ProtocolUpstreamTest, BringsAThousandRefs) {
  origin_.commit({{"a", "1"}});
  const std::string tree = origin_.git({"rev-parse", "HEAD^{tree}"});
  std::string commands;
  for (int i = 0; i < 1000; ++i) {
    const std::string mark = std::to_string(i + 1);
    commands += "commit refs/heads/b" + mark + "\ncommitter A <a@b> 170000" +
                std::to_string(1000 + i) + " +0000\ndata 1\nx\nM 100644 inline f\ndata " +
                std::to_string(mark.size()) + "\n" + mark + "\n";
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

// Fetches that fail

TEST_F(ProtocolUpstreamTest, SaysWhenTheUpstreamHasNoSuchCommit) {
  origin_.commit({{"a", "1"}});
  expect_failure(fetch(want({ObjectId::parse(std::string(40, 'a')).value()})), "not_found",
                 "not our ref");
}

TEST_F(ProtocolUpstreamTest, RefusesAPackThatIsCutOff) {
  const ObjectId tip = origin_.commit({{"a", std::string(50'000, 'x')}, {"b", "2"}});
  for (const bool in_http : {false, true}) {
    for (const std::size_t missing : {std::size_t{1}, std::size_t{4}, std::size_t{30}}) {
      change_fetches([&](UploadPackAnswer& answer) {
        answer.body.resize(answer.body.size() - missing);
        answer.is_cut = in_http;
      });
      expect_failure(fetch(want({tip})), in_http ? "network" : "protocol", "");
      EXPECT_FALSE(mirror_has(tip)) << missing;
    }
  }
}

TEST_F(ProtocolUpstreamTest, RefusesAnEmptyAnswerToAFetch) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([](UploadPackAnswer& answer) { answer.body.clear(); });
  expect_failure(fetch(want({tip})), "protocol", "cut off");
}

TEST_F(ProtocolUpstreamTest, SaysWhatTheUpstreamSaysInTheMiddleOfAPack) {
  const ObjectId tip = origin_.commit({{"a", std::string(5'000, 'x')}});
  change_fetches([](UploadPackAnswer& answer) {
    answer.body.resize(answer.body.size() - 4);
    append_packet(answer.body, "\3the disk is on fire\n");
  });
  expect_failure(fetch(want({tip})), "protocol", "the disk is on fire");
  EXPECT_FALSE(mirror_has(tip));
}

/// `code` makes `pack` out of `pack` with the tools of tests/support/py/forged_packs.py.
std::string forge(const std::string& pack, const std::string& code) {
  const std::string script = "import sys\nsys.path.insert(0, '" FRESHET_SOURCE_DIR
                             "/tests/support/py')\nfrom forged_packs import *\n"
                             "pack = sys.stdin.buffer.read()\n" +
                             code + "\nsys.stdout.buffer.write(pack)\n";
  const ChildResult result = freshet::testing::run({"/usr/bin/python3", "-B", "-c", script}, pack);
  EXPECT_TRUE(result.succeeded()) << result.error_text;
  return result.output;
}

TEST_F(ProtocolUpstreamTest, RefusesADamagedObject) {
  const ObjectId tip = origin_.commit({{"a", std::string(5'000, 'x')}, {"b", "2"}});
  for (const char* code :
       {"pack = flip_byte(pack, True)", "pack = flip_byte(pack, False)",
        "pack = with_checksum(b'PACX' + pack[4:-20])", "pack = pack[:-20] + bytes(20)"}) {
    change_fetches([&](UploadPackAnswer& answer) {
      change_pack(answer, [&](const std::string& pack) { return forge(pack, code); });
    });
    expect_failure(fetch(want({tip})), "corrupt", "");
    EXPECT_FALSE(mirror_has(tip)) << code;
  }
}

TEST_F(ProtocolUpstreamTest, RefusesAPackThatLacksAnObject) {
  const ObjectId tip = origin_.commit({{"a", "1"}, {"b", "2"}});
  const ObjectId lost = origin_.id("HEAD:b");
  std::string kept;
  for (const char* revision : {"HEAD", "HEAD^{tree}", "HEAD:a"}) {
    kept += origin_.id(revision).hex() + "\n";
  }
  const std::string incomplete =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"}, kept)
          .output;
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string&) { return incomplete; });
  });
  expect_failure(fetch(want({tip})), "corrupt", "");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, RefusesAPackWithoutWhatWasWanted) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"a", "2"}});
  const ObjectId other = origin_.id("HEAD:a");
  const std::string useless =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"},
                            other.hex() + "\n")
          .output;
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string&) { return useless; });
  });
  expect_failure(fetch(want({tip})), "corrupt", "not complete");
}

TEST_F(ProtocolUpstreamTest, NoticesAHoleInWhatTheMirrorHadBefore) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  const ObjectId middle = origin_.commit({{"a", "2"}});
  const ObjectId tip = origin_.commit({{"a", "3"}});
  // The commit before the tip, without its own parent's objects.
  const std::string hollow =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"},
                            middle.hex() + "\n" + origin_.id("HEAD^^{tree}").hex() + "\n" +
                                origin_.id("HEAD^:a").hex() + "\n")
          .output;
  ASSERT_TRUE(
      freshet::testing::run({"git", "--git-dir=" + mirror_, "index-pack", "--stdin"}, hollow)
          .succeeded());
  FetchRequest request = want({tip});
  request.haves = {middle};
  expect_failure(fetch(request), "corrupt", "");
  EXPECT_FALSE(mirror_has(old));
}

TEST_F(ProtocolUpstreamTest, BoundsTheMemoryOfADeltaBomb) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string& pack) {
      return forge(pack, "pack = with_delta_bomb(pack, 3 << 30)");
    });
  });
  FetchRequest request = want({tip});
  request.memory_limit = std::uint64_t{512} << 20U;
  expect_failure(fetch(request), "corrupt", "512 MiB of memory");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, StopsAPackThatIsTooLarge) {
  const ObjectId tip = origin_.commit({{"a", std::string(100, 'x')}});
  FetchRequest request = want({tip});
  request.largest_pack = 100;
  expect_failure(fetch(request), "config", "limits.fetch_size");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, StopsBeforeTheDiskIsFull) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  FetchRequest request = want({tip});
  request.min_free_disk = std::uint64_t{1} << 60U;
  expect_failure(fetch(request), "no_space", "min_free_disk");
}

TEST_F(ProtocolUpstreamTest, GivesUpOnAServerThatFallsSilent) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  const SilentServer silent;
  memory_->learn({silent.url(), memory_->server()->capabilities});
  FetchRequest request = want({tip});
  request.limits = {60s, 100ms};
  const Instant start = now();
  expect_failure(fetch(request), "timeout", "");
  request.limits = {100ms, 60s};
  expect_failure(fetch(request), "timeout", "");
  EXPECT_LT(now() - start, 20s);
}

TEST_F(ProtocolUpstreamTest, StopsAtOnceWhenItIsCancelled) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  const SilentServer silent;
  memory_->learn({silent.url(), memory_->server()->capabilities});
  const CancelToken cancel;
  std::thread person([&] { cancel.cancel(); });
  const auto report = upstream().fetch(want({tip}), cancel);
  person.join();
  expect_failure(report, "conflict", "cancelled");
}

TEST_F(ProtocolUpstreamTest, WorksAgainAfterAFailure) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([](UploadPackAnswer& answer) { answer.body.resize(answer.body.size() / 2); });
  ASSERT_FALSE(fetch(want({tip})));
  server_.change({});
  const auto report = fetch(want({tip}));
  EXPECT_TRUE(report) << message_of(report);
}

TEST_F(ProtocolUpstreamTest, GivesTheMirrorsLockToTheChild) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  const FileLock lock = must(FileLock::acquire(directory_ / "lock"));
  FetchRequest request = want({tip});
  request.lock_descriptor = lock.descriptor();
  EXPECT_EQ(class_of(fetch(request)), "fine");
}

// The real web server

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
    return Result<void>(fail(ErrorClass::internal, "asked"));
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

TEST_F(ProtocolUpstreamTest, HoldsNoMoreThanAFewPacketsWhenTheChildIsSlow) {
  // A child that cannot start reading: index-pack waits for nobody, so a pipe nobody reads stands
  // in for it.
  std::string body;
  append_packet(body, "packfile\n");
  for (int i = 0; i < 400; ++i) {
    append_packet(body, "\1" + std::string(65'000, 'x'));
  }
  server_.change([&](const ScriptRequest&, UploadPackAnswer& answer) {
    answer.status = "200 OK";
    answer.type = std::string(kAnswerType);
    answer.body = body;
  });
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd read(ends[0]);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const auto exchange = FetchExchange::create({UniqueFd(ends[1]), 0, false, {}});
  HttpRequest request = freshet::testing::post_of(server_.url("docs/git-upload-pack"), "0000");
  exchange->start(*client_, std::move(request), {60s, 200ms});
  ASSERT_TRUE(exchange->wait_for_pack());
  std::string taken;
  std::array<char, 65536> buffer{};
  for (ssize_t count = 0; (count = ::read(read.get(), buffer.data(), buffer.size())) > 0;) {
    taken.append(buffer.data(), static_cast<std::size_t>(count));
    ::poll(nullptr, 0, taken.size() < 2'000'000 ? 20 : 0);  // slower than the silence limit in all
  }
  EXPECT_EQ(taken.size(), 400U * 65'000U - 20U);  // not its last bytes: the answer has no end
  EXPECT_EQ(exchange->wait().error().error.message, "the upstream's pack is cut off");
}

}  // namespace
}  // namespace freshet::remote
