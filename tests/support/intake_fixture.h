#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "webhook/intake.h"

namespace freshet::webhook {

inline const std::string kOld(40, 'a');
inline const std::string kNew(40, 'b');
inline const WallTime kWallTime = from_unix_millis(1'790'000'000'000);

/// A program around the intake whose time and state are set by the test, and which remembers what
/// it was told.
class Surroundings : public Intake::World, public TriggerSink {
 public:
  std::vector<std::string> general = {"general secret"};
  std::map<std::string, std::vector<std::string>> own;
  std::shared_ptr<const MatchIndex> index;
  Instant time{};

  std::vector<DeliveryRecord> seen;
  std::vector<Trigger> triggers;
  std::map<std::string, std::vector<std::string>> renamed;
  std::map<std::string, ErrorClass> refusing;
  std::map<std::string, bool> waiting;  ///< has a refresh that waits already
  int secrets_read = 0;
  std::map<std::string, RefName> default_branches;

  std::vector<std::string> secret_files(const std::optional<RepositoryName>& owner) override {
    std::vector<std::string> files = owner ? own[owner->text()] : general;
    for (std::string& file : files) {
      file.insert(0, "file of ");
    }
    return files;
  }
  Secret read_secret(const std::string& location) override {
    ++secrets_read;
    return Secret(location.substr(8));
  }
  std::shared_ptr<const MatchIndex> repositories() override { return index; }
  std::optional<RefName> default_branch(const RepositoryName& repository) override {
    const auto known = default_branches.find(repository.text());
    return known == default_branches.end() ? std::nullopt : std::optional(known->second);
  }
  Instant now() override { return time; }
  WallTime wall_now() override { return kWallTime; }
  void upstream_renamed(const RepositoryName& repository,
                        const std::vector<std::string>& urls) override {
    renamed[repository.text()] = urls;
  }
  void delivery_seen(const DeliveryRecord& record) override { seen.push_back(record); }
  Result<Receipt> accept(const Trigger& trigger) override {
    const std::string& name = trigger.repository.text();
    if (const auto error = refusing.find(name); error != refusing.end()) {
      return fail(error->second, "cannot append to /var/lib/freshet/journal");
    }
    triggers.push_back(trigger);
    return Receipt{triggers.size(), std::exchange(waiting[name], true)};
  }
};

inline Followed follow(const std::string& name, const std::string& url,
                       std::vector<std::string> refs, std::size_t own_secrets = 0) {
  return {RepositoryName(name), url, {}, std::move(refs), own_secrets};
}

inline std::string payload_of(const std::string& full_name, const std::string& ref) {
  return R"({"ref":")" + ref + R"(","before":")" + kOld + R"(","after":")" + kNew +
         R"(","repository":{"full_name":")" + full_name + R"(","clone_url":"https://github.com/)" +
         full_name + R"(.git"}})";
}

inline http::Request request(const std::string& event, const std::string& body,
                             const std::string& secret = "general secret",
                             const std::string& id = "") {
  http::Request result;
  result.method = "POST";
  result.headers.add("Content-Type", "application/json");
  result.headers.add("X-GitHub-Event", event);
  result.headers.add("X-Hub-Signature-256", "sha256=" + to_hex(hmac_sha256(secret, body)));
  if (!id.empty()) {
    result.headers.add("X-GitHub-Delivery", id);
  }
  result.body = body;
  return result;
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    world.index = std::make_shared<MatchIndex>(std::vector<Followed>{
        follow("docs", "https://github.com/acme/docs", {"HEAD"}),
        follow("docs-v1", "git@github.com:acme/docs.git", {"refs/tags/v1"}),
        follow("pulls", "https://github.com/acme/pulls", {"refs/pull/*"}),
        follow("team/own", "https://github.com/acme/own", {"refs/heads/main"}, 1),
    });
    world.own["team/own"] = {"own secret"};
    unknown.status = 404;
    unknown.body = R"({"error":{"code":"not_found","message":"no such route"}})";
  }

  /// As the server does: the body comes in pieces, after the head.
  http::Response deliver(http::Request delivery, const std::string& name = "",
                         const std::string& forge = "github") {
    http::Request head = delivery;
    head.body.clear();
    delivery.tap = intake().begin(forge, route(name), head);
    EXPECT_NE(delivery.tap, nullptr);
    const std::string_view body = delivery.body;
    delivery.tap->update(body.substr(0, body.size() / 2));
    delivery.tap->update(body.substr(body.size() / 2));
    return intake().deliver(forge, route(name), delivery);
  }
  http::Response push(const std::string& ref, const std::string& id = "") {
    return deliver(request("push", payload_of("acme/docs", ref), "general secret", id));
  }
  int guard(const std::string& name = "", const std::string& forge = "github") {
    const auto response = intake().guard(forge, route(name));
    EXPECT_TRUE(!response || response->body == unknown.body);
    return response ? response->status : 0;
  }
  Intake& intake() {
    if (!intake_) {
      intake_.emplace(world, world, unknown);
    }
    return *intake_;
  }
  static std::optional<RepositoryName> route(const std::string& name) {
    return name.empty() ? std::nullopt : std::optional(RepositoryName(name));
  }
  std::vector<std::string> triggered() const {
    std::vector<std::string> names;
    for (const Trigger& trigger : world.triggers) {
      names.push_back(trigger.repository.text());
    }
    return names;
  }

  Surroundings world;
  http::Response unknown;

 private:
  std::optional<Intake> intake_;
};

}  // namespace freshet::webhook
