#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "http/answer.h"
#include "http/server.h"
#include "support/http_raw_client.h"

namespace freshet::http {

/// Adds up what it sees, for paths below /tap (the body is kept) and /skim (it is not).
class SummingTap : public BodyTap {
 public:
  explicit SummingTap(bool keep) : keep_(keep) {}
  void update(std::string_view bytes) override {
    seen_ += bytes.size();
    sum_ = sum_of(bytes, sum_);
  }
  bool keep() const override { return keep_; }

  /// Depends on the order of the bytes and not on where they are cut.
  static std::uint64_t sum_of(std::string_view bytes, std::uint64_t sum = 1) {
    for (const char c : bytes) {
      sum = sum * 31 + static_cast<unsigned char>(c);
    }
    return sum;
  }
  /// "SIZE SUM": what the answer says of it.
  std::string text() const { return std::to_string(seen_) + " " + std::to_string(sum_); }
  static std::string text_of(std::string_view body) {
    return std::to_string(body.size()) + " " + std::to_string(sum_of(body));
  }

 private:
  const bool keep_;
  std::size_t seen_ = 0;
  std::uint64_t sum_ = 1;
};

/// What the attacks are run against. Every request that reaches respond() is noted.
class TestApplication : public Application {
 public:
  std::optional<Response> before_body(const Request& head) override {
    if (head.path == "/early") {
      return error_response(401, "unauthorized", "no");
    }
    if (head.path == "/echo" && head.method != "POST") {
      return error_response(405, "method_not_allowed", "no");
    }
    if (head.path == "/json" || head.path == "/echo" || head.path == "/hold" ||
        head.path == "/throw" || head.path == "/throw-early" || head.path == "/long" ||
        head.path == "/tap" || head.path == "/skim" || head.path.starts_with("/say")) {
      if (head.path == "/throw-early") {
        throw std::runtime_error("a secret cause");
      }
      return std::nullopt;
    }
    return not_found_response();
  }

  const BodyPolicy& body_policy(const Request& head) const override {
    static const BodyPolicy kAny;
    static const BodyPolicy kJson{1000, {"application/json"}};
    return head.path == "/json" ? kJson : kAny;
  }

  std::shared_ptr<BodyTap> tap_body(const Request& head) override {
    const bool keep = head.path == "/tap";
    return keep || head.path == "/skim" ? std::make_shared<SummingTap>(keep) : nullptr;
  }

  Response respond(const Request& request) override {
    note(request);
    if (request.path == "/throw") {
      throw std::runtime_error("a secret cause");
    }
    if (request.path == "/hold") {
      hold();
    }
    if (request.path == "/say/after-sleep") {
      std::this_thread::sleep_for(kLong);
    }
    if (request.path == "/say/after-work") {
      for (const Instant begin = now(); now() - begin < kLong;) {
      }
    }
    Response response;
    response.content_type = "text/plain";
    response.body = request.method == "POST" ? request.body : request.path;
    if (const auto* tap = dynamic_cast<const SummingTap*>(request.tap.get())) {
      response.body = tap->text() + " body " + SummingTap::text_of(request.body);
    }
    if (request.path == "/long") {
      response.body.assign(8'388'608, 'x');
    }
    for (const auto& [key, value] : request.query) {
      response.body.append("|").append(key).append("=").append(value);
    }
    response.headers.emplace_back("X-Peer", request.peer);
    response.headers.emplace_back("X-Client", request.client);
    std::ostringstream thread;
    thread << std::this_thread::get_id();
    response.headers.emplace_back("X-Thread", thread.str());
    return response;
  }

  /// What "/say/after-..." takes at least: more than an answer of the receiving thread may.
  static constexpr std::chrono::milliseconds kLong{30};

  /// Waits until as many requests are in /hold.
  void wait_for_held(std::size_t count) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (held_ < count) {
      changed_.wait(mutex_);
    }
  }
  void let_go() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> seen() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return seen_;
  }

 private:
  void note(const Request& request) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    seen_.push_back(request.method + " " + request.path);
  }
  void hold() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++held_;
    changed_.notify_all();
    while (!open_) {
      changed_.wait(mutex_);
    }
  }

  Mutex mutex_;
  Condition changed_;
  std::vector<std::string> seen_ GUARDED_BY(mutex_);
  std::size_t held_ GUARDED_BY(mutex_) = 0;
  bool open_ GUARDED_BY(mutex_) = false;
};

class HttpServer : public testing::Test {
 protected:
  /// A test that expects a limit in time to strike sets it low; none waits for one that must not.
  HttpServer() {
    options_.workers = 4;
    options_.limits.max_body = 1'048'576;
  }
  ~HttpServer() override { application_.let_go(); }

  void start() {
    auto server = Server::listen(options_, application_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  RawClient client(const std::string& from = "") { return RawClient(server_->address(), from); }

  Options options_;
  TestApplication application_;
  std::unique_ptr<Server> server_;
};

/// A request with a body and its length.
inline std::string post(const std::string& path, const std::string& body,
                        const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + fields + "\r\n" + body;
}

inline std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

}  // namespace freshet::http
