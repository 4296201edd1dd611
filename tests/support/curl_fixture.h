#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "remote/curl_client.h"
#include "support/http_script_server.h"

/// A real CurlClient and what tests of it have in common.
namespace freshet::testing {

using remote::BodySink;
using remote::CurlClient;
using remote::CurlOptions;
using remote::HttpReply;
using remote::HttpRequest;
using remote::TimeLimits;

/// Long enough for a loaded machine, and far from every limit that a test sets.
constexpr TimeLimits kPatient{std::chrono::seconds(60), std::chrono::seconds(30)};

inline HttpRequest get_of(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

inline HttpRequest post_of(std::string url, std::string body) {
  HttpRequest request = get_of(std::move(url));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

inline std::string header_of(const HttpReply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

/// Collects what `done` is called with, even after the test has failed and left.
class Results {
 public:
  remote::HttpClient::Done slot() {
    return [state = state_](Result<HttpReply> result) {
      const std::lock_guard lock(state->mutex);
      state->results.push_back(std::move(result));
      state->arrived.notify_all();
    };
  }
  std::size_t count() const {
    const std::lock_guard lock(state_->mutex);
    return state_->results.size();
  }
  /// Waits for so many, and gives a copy. Whoever hangs is ended by the test program's own limit.
  std::vector<Result<HttpReply>> await(std::size_t count) const {
    std::unique_lock lock(state_->mutex);
    state_->arrived.wait(lock, [&] { return state_->results.size() >= count; });
    return state_->results;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable arrived;
    std::vector<Result<HttpReply>> results;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Tests that need a client of the usual kind.
class CurlTest : public ::testing::Test {
 protected:
  Result<HttpReply> send(const HttpRequest& request, const TimeLimits& limits = kPatient) {
    return client_->send(request, limits, CancelToken());
  }
  void restart(const CurlOptions& options) { client_ = must(CurlClient::start(options)); }

  std::unique_ptr<CurlClient> client_ = must(CurlClient::start());
};

/// EXPECT that a result is an error of a class, with a message that matches.
inline void expect_error(const Result<HttpReply>& result, ErrorClass error_class,
                         const ::testing::Matcher<std::string>& message) {
  ASSERT_FALSE(result.has_value()) << "status " << result->status;
  EXPECT_EQ(to_string(result.error().error_class), to_string(error_class))
      << result.error().message;
  EXPECT_THAT(result.error().message, message);
}

}  // namespace freshet::testing
