#include <set>

#include "remote/arrival.h"
#include "support/http_upstream_fixture.h"

namespace freshet::remote {
namespace {

using namespace freshet::testing;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace freshet::remote
