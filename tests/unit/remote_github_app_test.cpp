#include "remote/github_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <vector>

#include "base/base64.h"
#include "base/files.h"
#include "base/mutex.h"
#include "base/rsa_sign.h"
#include "remote/github_api.h"
#include "remote/http_client.h"
#include "support/git_fixture.h"
#include "support/rsa_key.h"

namespace freshet::remote {
namespace {

using freshet::testing::must;
using freshet::testing::rsa_key;
using freshet::testing::TemporaryDirectory;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

const WallTime kBegin = from_unix_millis(1'790'000'000'000);

/// GitHub's API as far as an App needs it: installation 7 on everything of "acme", tokens "ghs_..."
/// with a number, of an hour.
class FakeGithub : public HttpClient {
 public:
  using Answer = std::function<Result<HttpReply>(const HttpRequest&, const CancelToken&)>;

  Result<HttpReply> send(const HttpRequest& request, const TimeLimits&,
                         const CancelToken& cancel) override {
    Answer answer;
    {
      const MutexLock lock(mutex_);
      requests_.push_back(request);
      answer = answer_;
    }
    return answer ? answer(request, cancel) : usual(request);
  }
  void send_async(HttpRequest, const TimeLimits&, const CancelToken&, Done) override {}

  HttpReply usual(const HttpRequest& request) {
    if (request.method == "GET") {
      return request.url.find("/repos/acme/") == std::string::npos
                 ? reply(404, R"({"message":"Not Found"})")
                 : reply(200, R"({"id":)" + std::to_string(installation_) + "}");
    }
    if (request.url.find("/" + std::to_string(installation_) + "/") == std::string::npos) {
      return reply(404, R"({"message":"Not Found"})");
    }
    const int number = ++tokens_;
    return reply(201, R"({"token":")" + token(number) + R"(","expires_at":")" +
                          to_rfc3339(time() + hours(1)) + R"("})");
  }
  static HttpReply reply(int status, std::string body) {
    HttpReply answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
  }
  /// Of the form and length of 2026.
  static std::string token(int number) {
    return "ghs_12_eyJ" + std::string(500, 'a') + "." + std::to_string(number);
  }

  void answer_with(Answer answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  void answer_with(const HttpReply& answer) {
    answer_with([answer](const HttpRequest&, const CancelToken&) { return answer; });
  }
  void answer_as_usual() { answer_with(Answer()); }
  void install_anew() { ++installation_; }

  std::vector<HttpRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }
  std::size_t asked() const { return requests().size(); }

  WallTime time() const { return kBegin + seconds(seconds_.load()); }
  void pass(seconds duration) { seconds_ += duration.count(); }

 private:
  mutable Mutex mutex_;
  std::vector<HttpRequest> requests_ GUARDED_BY(mutex_);
  Answer answer_ GUARDED_BY(mutex_);
  std::atomic<int> tokens_ = 0;
  std::atomic<int> installation_ = 7;
  std::atomic<std::int64_t> seconds_ = 0;
};

UpstreamUrl url(std::string_view text) {
  return must(UpstreamUrl::parse(text));
}

class GithubAppTest : public ::testing::Test {
 protected:
  void SetUp() override {
    must(write_file_atomically(key_file_, rsa_key().pkcs1(), 0600));
    ::testing::internal::CaptureStderr();
  }

  /// Whatever happened, nothing that was said holds a token, a JSON Web Token or the key.
  void TearDown() override {
    const std::string text = said_ + ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(text, Not(HasSubstr("aaaaaaaaaa")));
    EXPECT_THAT(text, Not(HasSubstr("eyJ")));
    EXPECT_THAT(text, Not(HasSubstr("PRIVATE KEY")));
    EXPECT_THAT(text, Not(HasSubstr(rsa_key().pkcs1().substr(100, 30))));
    for (const HttpRequest& request : github_.requests()) {
      const std::string_view authorization = request.authorization.reveal();
      EXPECT_THAT(text, Not(HasSubstr(std::string(authorization.substr(7)))));
      EXPECT_THAT(request.url, Not(HasSubstr("eyJ")));
    }
  }

  GithubAppSpec spec(std::int64_t installation = 0) const {
    GithubAppSpec result;
    result.app_id = 12;
    result.private_key_file = key_file_;
    result.installation_id = installation;
    result.api_url = "https://github.example/api/v3/";
    return result;
  }
  /// The number of the token handed out, or the error's class.
  std::string ask(GithubApp& app, const char* upstream = "https://github.example/acme/docs.git") {
    const auto token = app.token(url(upstream), CancelToken());
    if (!token) {
      said_ += token.error().message + "\n";
      return std::string(to_string(token.error().error_class));
    }
    return std::string(token->reveal().substr(token->reveal().rfind('.') + 1));
  }
  /// From any thread: the token, or the error's class.
  std::string ask_quietly(GithubApp& app, const CancelToken& cancel = CancelToken()) const {
    const auto token = app.token(docs_, cancel);
    return std::string(token ? token->reveal() : to_string(token.error().error_class));
  }
  bool reject(GithubApp& app, int number) {
    return app.rejected(docs_, Secret(FakeGithub::token(number)));
  }

  TemporaryDirectory directory_;
  const std::string key_file_ = directory_ / "key.pem";
  const UpstreamUrl docs_ = url("https://github.example/acme/docs.git");
  FakeGithub github_;
  GithubApp app_{spec(), "/etc/ca.pem", github_, [this] { return github_.time(); }};
  GithubApp given_{spec(7), "", github_, [this] { return github_.time(); }};
  std::string said_;
};

TEST_F(GithubAppTest, LooksItsInstallationUpAndAsksForATokenThatMayOnlyRead) {
  EXPECT_EQ(must(app_.token(docs_, CancelToken())).reveal(), FakeGithub::token(1));
  const auto requests = github_.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].url, "https://github.example/api/v3/repos/acme/docs/installation");
  EXPECT_EQ(requests[1].method, "POST");
  EXPECT_EQ(requests[1].url, "https://github.example/api/v3/app/installations/7/access_tokens");
  EXPECT_EQ(requests[1].body, R"({"permissions":{"contents":"read"}})");
  for (const HttpRequest& request : requests) {
    EXPECT_THAT(request.headers,
                ::testing::IsSupersetOf({Pair("Accept", "application/vnd.github+json"),
                                         Pair("X-GitHub-Api-Version", "2022-11-28")}));
    EXPECT_EQ(request.ca_file, "/etc/ca.pem");
  }
}

TEST_F(GithubAppTest, ShowsItselfByAJsonWebTokenThatGithubCanCheck) {
  for (const std::string& pem : {rsa_key().pkcs1(), rsa_key().pkcs8()}) {
    must(write_file_atomically(key_file_, pem, 0600));
    github_.pass(hours(2));
    ASSERT_NE(ask(given_), "config");
    const HttpRequest request = github_.requests().back();
    const std::string authorization(request.authorization.reveal());
    ASSERT_THAT(authorization, StartsWith("Bearer "));
    const std::string token = authorization.substr(7);
    const std::int64_t time = to_unix_millis(github_.time()) / 1000;
    const std::string signed_part =
        to_base64url(R"({"alg":"RS256","typ":"JWT"})") + "." +
        to_base64url(R"({"iat":)" + std::to_string(time - 60) + R"(,"exp":)" +
                     std::to_string(time + 540) + R"(,"iss":"12"})");
    const std::size_t dot = token.rfind('.');
    EXPECT_EQ(token.substr(0, dot), signed_part);
    EXPECT_EQ(to_base64url(must(sign_rs256(Secret(pem), signed_part))), token.substr(dot + 1));
    EXPECT_TRUE(rsa_key().verifies(signed_part, must(sign_rs256(Secret(pem), signed_part))));
  }
}

TEST_F(GithubAppTest, KeepsATokenUntilTenMinutesBeforeItsEnd) {
  EXPECT_EQ(ask(app_), "1");
  github_.pass(minutes(50) - seconds(1));
  EXPECT_EQ(ask(app_), "1");
  EXPECT_EQ(github_.asked(), 2U);
  github_.pass(seconds(1));
  EXPECT_EQ(ask(app_), "2");
  EXPECT_EQ(github_.asked(), 3U) << "the installation is known by now";
  EXPECT_EQ(ask(app_), "2");
}

TEST_F(GithubAppTest, HasOneTokenForAllRepositoriesOfAnOwner) {
  EXPECT_EQ(ask(app_, "https://github.example/acme/docs"), "1");
  EXPECT_EQ(ask(app_, "https://github.example/Acme/site.git"), "1");
  EXPECT_EQ(ask(app_, "https://github.example/other/docs"), "auth");
  EXPECT_THAT(said_, HasSubstr("not installed on other/docs"));
}

TEST_F(GithubAppTest, AsksNothingButTheTokenWhenTheInstallationIsGiven) {
  EXPECT_EQ(ask(given_, "https://github.example/acme/docs"), "1");
  EXPECT_EQ(ask(given_, "https://github.example/other/deep/er"), "1");
  EXPECT_EQ(github_.asked(), 1U);
}

TEST_F(GithubAppTest, PutsNothingButAPlainNameIntoARequest) {
  for (const char* upstream :
       {"https://github.example/docs", "https://github.example/acme/docs/more",
        "https://github.example/acme/docs?x=1", "https://github.example/../docs",
        "https://github.example/acme/.."}) {
    EXPECT_EQ(ask(app_, upstream), "config") << upstream;
  }
  EXPECT_EQ(github_.asked(), 0U);
}

TEST_F(GithubAppTest, AsksOnceForAllWhoWait) {
  constexpr int kCallers = 8;
  std::atomic<int> looked = 0;
  std::latch all_looked(kCallers);
  GithubApp app(spec(7), "", github_, [&] {
    if (looked++ < kCallers) {  // each caller reads the clock before it decides to ask or to wait
      all_looked.count_down();
    }
    return github_.time();
  });
  github_.answer_with([&](const HttpRequest& request, const CancelToken&) -> Result<HttpReply> {
    all_looked.wait();
    return github_.usual(request);
  });
  std::vector<std::future<std::string>> callers;
  callers.reserve(kCallers);
  for (int i = 0; i < kCallers - 1; ++i) {  // one of them reads the clock twice before it asks
    callers.push_back(std::async(std::launch::async, [&] { return ask_quietly(app); }));
  }
  for (auto& caller : callers) {
    EXPECT_EQ(caller.get(), FakeGithub::token(1));
  }
  EXPECT_EQ(github_.asked(), 1U);
}

TEST_F(GithubAppTest, TellsAllWhoWaitOfTheSameFailure) {
  std::latch asked(1);
  std::latch may_fail(1);
  github_.answer_with([&](const HttpRequest&, const CancelToken&) -> Result<HttpReply> {
    if (github_.asked() == 1) {
      asked.count_down();
      may_fail.wait();
    }
    return FakeGithub::reply(500, "{}");
  });
  auto first = std::async(std::launch::async, [&] { return ask_quietly(given_); });
  asked.wait();
  auto second = std::async(std::launch::async, [&] { return ask_quietly(given_); });
  may_fail.count_down();
  EXPECT_EQ(first.get(), "protocol");
  EXPECT_EQ(second.get(), "protocol");
}

TEST_F(GithubAppTest, LetsOneWhoWaitsGo) {
  std::latch asked(1);
  std::latch may_answer(1);
  github_.answer_with([&](const HttpRequest& request, const CancelToken&) -> Result<HttpReply> {
    asked.count_down();
    may_answer.wait();
    return github_.usual(request);
  });
  auto first = std::async(std::launch::async, [&] { return ask_quietly(given_); });
  asked.wait();
  const CancelToken cancel;
  auto second = std::async(std::launch::async, [&] { return ask_quietly(given_, cancel); });
  cancel.cancel();
  EXPECT_EQ(second.get(), "conflict");
  may_answer.count_down();
  EXPECT_EQ(first.get(), FakeGithub::token(1));
}

TEST_F(GithubAppTest, AsksForThoseWhoWaitEvenWhenTheOneWhoAskedIsCancelled) {
  std::latch asked(1);
  github_.answer_with(
      [&](const HttpRequest& request, const CancelToken& cancel) -> Result<HttpReply> {
        if (github_.asked() > 1) {
          return github_.usual(request);
        }
        asked.count_down();
        pollfd descriptor{cancel.descriptor(), POLLIN, 0};
        ::poll(&descriptor, 1, -1);
        return fail(ErrorClass::conflict, "cancelled");
      });
  const CancelToken cancel;
  auto first = std::async(std::launch::async, [&] { return ask_quietly(given_, cancel); });
  asked.wait();
  auto second = std::async(std::launch::async, [&] { return ask_quietly(given_); });
  cancel.cancel();
  EXPECT_EQ(first.get(), "conflict");
  EXPECT_EQ(second.get(), FakeGithub::token(1));
}

TEST_F(GithubAppTest, KeepsTheOldTokenWhileGithubFailsAndItLives) {
  EXPECT_EQ(ask(given_), "1");
  github_.pass(minutes(51));
  github_.answer_with(FakeGithub::reply(502, "<html>"));
  EXPECT_EQ(ask(given_), "1");
  EXPECT_EQ(ask(given_), "1");
  EXPECT_EQ(github_.asked(), 2U) << "GitHub is left alone for 30 s";
  github_.pass(seconds(30));
  EXPECT_EQ(ask(given_), "1");
  EXPECT_EQ(github_.asked(), 3U);
  github_.pass(minutes(10));
  EXPECT_EQ(ask(given_), "protocol") << "it has ended";
  github_.answer_as_usual();
  EXPECT_EQ(ask(given_), "2");
}

TEST_F(GithubAppTest, KeepsTheOldTokenWhileGithubCannotBeReachedOrTheKeyCannotBeRead) {
  EXPECT_EQ(ask(given_), "1");
  github_.pass(minutes(51));
  github_.answer_with([](const HttpRequest&, const CancelToken&) -> Result<HttpReply> {
    return fail(ErrorClass::network, "cannot connect");
  });
  EXPECT_EQ(ask(given_), "1");
  github_.answer_as_usual();
  github_.pass(seconds(30));
  must(write_file_atomically(key_file_, "no key", 0600));
  EXPECT_EQ(ask(given_), "1");
  EXPECT_EQ(github_.asked(), 2U);
}

TEST_F(GithubAppTest, ThrowsARefusedTokenAwayOnceAMinute) {
  EXPECT_EQ(ask(app_), "1");
  EXPECT_TRUE(reject(app_, 1));
  EXPECT_EQ(ask(app_), "2");
  EXPECT_TRUE(reject(app_, 1)) << "who still has the old one may try the new one";
  EXPECT_FALSE(reject(app_, 2)) << "that would go on for ever";
  EXPECT_EQ(ask(app_), "2");
  github_.pass(seconds(60));
  EXPECT_TRUE(reject(app_, 2));
  EXPECT_EQ(ask(app_), "3");
}

TEST_F(GithubAppTest, HandsARefusedTokenOutOnlyWhileThereIsNoOther) {
  EXPECT_EQ(ask(given_), "1");
  github_.answer_with(FakeGithub::reply(503, ""));
  EXPECT_TRUE(reject(given_, 1));
  EXPECT_EQ(ask(given_), "1");
  EXPECT_FALSE(reject(given_, 1));
  github_.answer_as_usual();
  github_.pass(seconds(30));
  EXPECT_EQ(ask(given_), "2");
}

TEST_F(GithubAppTest, FindsItsInstallationAgainAfterItWasInstalledAnew) {
  EXPECT_EQ(ask(app_), "1");
  github_.install_anew();
  EXPECT_TRUE(reject(app_, 1));
  EXPECT_EQ(ask(app_), "2");
  EXPECT_EQ(ask(given_), "auth") << "a given one is not looked up";
}

TEST_F(GithubAppTest, SaysWhyGithubRefusesIt) {
  const std::pair<HttpReply, const char*> table[] = {
      {FakeGithub::reply(401, R"({"message":"A JSON web token could not be decoded"})"), "auth"},
      {FakeGithub::reply(403, R"({"message":"This installation has been suspended"})"), "auth"},
      {FakeGithub::reply(404, R"({"message":"Not Found"})"), "auth"},
      {FakeGithub::reply(422, R"({"message":"not granted"})"), "auth"},
      {FakeGithub::reply(500, ""), "protocol"},
      {FakeGithub::reply(200, "{}"), "protocol"},
      {FakeGithub::reply(201, "no JSON"), "protocol"},
      {FakeGithub::reply(201, R"({"token":"","expires_at":"2026-11-21T08:57:29Z"})"), "protocol"},
      {FakeGithub::reply(201, R"({"token":"ghs_aaaaaaaaaaaa"})"), "protocol"},
      {FakeGithub::reply(201, R"({"token":"aaaaaaaaaaaa","expires_at":"tomorrow"})"), "protocol"},
      {FakeGithub::reply(201, R"({"token":"aaaaaaaaaaaa\n","expires_at":"2026-11-21T08:57:29Z"})"),
       "protocol"},
  };
  for (const auto& [reply, error_class] : table) {
    github_.answer_with(reply);
    EXPECT_EQ(ask(given_), error_class) << reply.status << " " << reply.body;
  }
  EXPECT_THAT(said_, HasSubstr("A JSON web token could not be decoded"));
  EXPECT_THAT(said_, HasSubstr("suspended"));
}

TEST_F(GithubAppTest, RepeatsNoSecretThatGithubRepeats) {
  github_.answer_with([](const HttpRequest& request, const CancelToken&) -> Result<HttpReply> {
    const std::string jwt(request.authorization.reveal());
    return FakeGithub::reply(
        401, R"({"message":"bad )" + jwt + " and " + FakeGithub::token(9) + R"(\nand more"})");
  });
  EXPECT_EQ(ask(given_), "auth");
  EXPECT_THAT(said_, HasSubstr("bad Bearer *** and *** and more"));
}

TEST_F(GithubAppTest, WaitsAsLongAsGithubAsksIt) {
  HttpReply busy = FakeGithub::reply(403, R"({"message":"secondary rate limit"})");
  busy.retry_after = seconds(120);
  github_.answer_with(busy);
  EXPECT_EQ(ask(given_), "rate_limited");
  github_.answer_as_usual();
  github_.pass(seconds(119));
  EXPECT_EQ(ask(given_), "rate_limited");
  EXPECT_EQ(github_.asked(), 1U);
  github_.pass(seconds(1));
  EXPECT_EQ(ask(given_), "1");
}

TEST_F(GithubAppTest, WaitsUntilTheQuotaIsFullAgain) {
  HttpReply empty = FakeGithub::reply(429, "");
  empty.headers = {{"x-ratelimit-remaining", "0"},
                   {"x-ratelimit-reset", std::to_string(to_unix_millis(kBegin) / 1000 + 90)}};
  github_.answer_with(empty);
  const auto refused = given_.token(docs_, CancelToken());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::rate_limited);
  EXPECT_EQ(refused.error().retry_after, seconds(90));
}

TEST_F(GithubAppTest, NamesTheKeyFileThatItCannotUse) {
  must(write_file_atomically(key_file_, rsa_key().pkcs8("passphrase"), 0600));
  EXPECT_EQ(ask(given_), "config");
  must(remove_tree(key_file_));
  EXPECT_EQ(ask(given_), "config");
  EXPECT_EQ(github_.asked(), 0U);
  EXPECT_THAT(said_, HasSubstr(key_file_));
  must(write_file_atomically(key_file_, rsa_key().pkcs8(), 0600));
  EXPECT_EQ(ask(given_), "1") << "the file is read anew";
}

TEST_F(GithubAppTest, ReadsTheEndOfATokenInEveryFormOfTheStandard) {
  for (const char* end : {"2026-09-21T15:13:20Z", "2026-09-21T15:13:20.123Z",
                          "2026-09-21T17:13:20+02:00", "2026-09-21T15:13:20+00:00"}) {
    GithubApp app(spec(7), "", github_, [this] { return github_.time(); });
    github_.answer_with(FakeGithub::reply(
        201, R"({"token":"aaaaaaaaaaaaaaa","expires_at":")" + std::string(end) + R"("})"));
    const std::size_t before = github_.asked();
    ask(app);
    ask(app);
    EXPECT_EQ(github_.asked(), before + 1) << end;
  }
}

TEST_F(GithubAppTest, IsACredentialLikeAnother) {
  CredentialSpec app;
  app.match = "https://github.example/acme/*";
  app.github_app = spec();
  app.ca_file = "/etc/ca.pem";
  Credentials credentials({app}, github_, [this] { return github_.time(); });
  const auto login = must(credentials.http_login(docs_, CancelToken()));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->username, "x-access-token");
  EXPECT_EQ(login->password.reveal(), FakeGithub::token(1));
  EXPECT_EQ(github_.requests().back().ca_file, "/etc/ca.pem");
  EXPECT_TRUE(credentials.rejected(docs_, *login));
  const auto fresh = must(credentials.http_login(docs_, CancelToken()));
  EXPECT_EQ(fresh->password.reveal(), FakeGithub::token(2));
  EXPECT_FALSE(credentials.rejected(docs_, *fresh));
}

TEST(RedactTokens, LeavesEverythingElse) {
  const std::string token(20, 'a');
  EXPECT_EQ(redact_tokens("token=ghs_" + token + ", ghp_" + token + "; (github_pat_" + token + ")"),
            "token=***, ***; (***)");
  EXPECT_EQ(redact_tokens("Bearer eyJhbGciOi.eyJpYXQi-x_.c2ln"), "Bearer ***");
  EXPECT_EQ(redact_tokens("ghs_short, ghost_aaaaaaaaaaaaaaaaaaaaaaa"),
            "ghs_short, ghost_aaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(redact_tokens(""), "");
}

}  // namespace
}  // namespace freshet::remote
