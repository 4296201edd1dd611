#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "remote/http_upstream.h"
#include "support/curl_fixture.h"
#include "support/upload_pack_server.h"

/// An HttpUpstream with a real client between a repository and a mirror.
namespace freshet::testing {

inline const RefName kMain("refs/heads/main");

template <class T>
std::string class_of(const Result<T>& result) {
  return result ? "fine" : std::string(to_string(result.error().error_class));
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "fine" : result.error().message;
}

/// Stands in for the one that speaks old versions, and counts.
class Counting : public remote::Upstream {
 public:
  explicit Counting(int& calls) : calls_(calls) {}
  Result<remote::Advertisement> list_refs(const std::vector<remote::RefPattern>&, const TimeLimits&,
                                          const CancelToken&) override {
    ++calls_;
    return remote::Advertisement{};
  }
  Result<remote::FetchReport> fetch(const remote::FetchRequest&, const CancelToken&) override {
    ++calls_;
    return remote::FetchReport{};
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

  remote::HttpUpstream at(const std::string& url, remote::Credentials* credentials = nullptr) {
    return remote::HttpUpstream(must(UpstreamUrl::parse(url)), *client_, credentials, memory_,
                                environment_, std::make_unique<Counting>(old_calls_));
  }
  remote::HttpUpstream upstream() { return at(server_.url("docs")); }

  remote::FetchRequest want(const std::vector<ObjectId>& ids) const {
    remote::FetchRequest request;
    request.mirror = mirror_;
    request.limits = kPatient;
    for (const ObjectId& id : ids) {
      request.wants.push_back({RefName("refs/heads/" + id.hex().substr(0, 8)), id});
    }
    return request;
  }
  Result<remote::FetchReport> fetch(const remote::FetchRequest& request) {
    return upstream().fetch(request, CancelToken());
  }
  Result<remote::Advertisement> list(const std::vector<remote::RefPattern>& patterns) {
    return upstream().list_refs(patterns, kPatient, CancelToken());
  }

  /// A mirror that has the commit already.
  void fill_mirror(const ObjectId& id, const RefName& ref = kMain) {
    must(fetch(want({id})));
    git(mirror_, {"update-ref", ref.text(), id.hex()});
  }
  bool mirror_has(const ObjectId& id) const {
    return run({"git", "--git-dir=" + mirror_, "cat-file", "-e", id.hex()}).succeeded();
  }
  std::vector<std::string> unfinished() const {
    std::vector<std::string> names = must(list_directory(mirror_ + "/objects/pack"));
    std::erase_if(names, [](const std::string& name) { return name.starts_with("pack-"); });
    return names;
  }
  std::string refs() const { return git(mirror_, {"for-each-ref"}); }

  void expect_failure(const Result<remote::FetchReport>& result, const std::string& error_class,
                      const std::string& words) {
    EXPECT_EQ(class_of(result), error_class) << message_of(result);
    EXPECT_THAT(message_of(result), ::testing::HasSubstr(words));
    EXPECT_THAT(unfinished(), ::testing::IsEmpty());
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
  std::shared_ptr<remote::RemoteMemory> memory_ = std::make_shared<remote::RemoteMemory>();
  int old_calls_ = 0;
  UploadPackServer server_{directory_ / "root"};
};

}  // namespace freshet::testing
