#include "admin/api.h"

#include <algorithm>

#include "admin/views.h"
#include "base/backoff.h"
#include "base/json.h"
#include "base/quantity.h"

namespace freshet::admin {
namespace {

constexpr Duration kLongestWait{std::chrono::hours(1)};
constexpr Duration kEnsureWait{std::chrono::seconds(30)};  ///< where the request does not say
/// Between refreshes for a commit that the upstream does not serve yet.
constexpr Backoff kAskAgain{std::chrono::seconds(1), std::chrono::seconds(10), 0};

struct Ensure {
  ObjectId commit;
  Duration wait{};
};

/// Error config: what is wrong with the body.
Result<Ensure> read_ensure(const std::string& body) {
  const auto json = Json::parse(body);
  if (!json || !json->is_object()) {
    return fail(ErrorClass::config, "expected a JSON object such as {\"commit\":SHA}");
  }
  std::string hex = (*json)["commit"].text();
  std::transform(hex.begin(), hex.end(), hex.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  const auto commit = ObjectId::parse(hex);
  if (!commit || commit->is_zero()) {
    return fail(ErrorClass::config, "commit: expected the full hash of a commit");
  }
  const Json& text = (*json)["wait"];
  const auto wait = text.is_null() ? std::optional(kEnsureWait) : parse_duration(text.text());
  if (!wait || *wait > kLongestWait) {
    return fail(ErrorClass::config, "wait: expected a duration of at most 1h, such as \"30s\"");
  }
  return Ensure{*commit, *wait};
}

http::Response gone() {
  return error_response(503, "conflict", "freshet is stopping, or the repository was removed");
}

/// Counts a waiting request for its scope.
class Seat {
 public:
  Seat(std::atomic<int>& taken, int most) : taken_(taken), given_(taken.fetch_add(1) < most) {}
  ~Seat() { taken_.fetch_sub(1); }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  bool given() const { return given_; }

 private:
  std::atomic<int>& taken_;
  const bool given_;
};

http::Response accepted(const RepositoryName& name) {
  return json_response(202, Json::object({{"status", "accepted"}, {"repository", name.text()}}));
}

http::Response result_of(const Outcome& outcome) {
  if (outcome.error) {
    return error_response(*outcome.error);
  }
  return json_response(200, Json::object({{"result", to_string(outcome.result)},
                                          {"checkouts", views(outcome.checkouts)}}));
}

}  // namespace

http::Response Api::list() const {
  return json_response(200, views_.list(store_.all()));
}

http::Response Api::show(const RepositoryName& name) const {
  const auto state = store_.find(name);
  return state ? json_response(200, *views_.of(state)) : unknown_repository(name);
}

http::Response Api::refresh(const RepositoryName& name, const http::Request& request) {
  std::optional<Duration> patience;
  if (const auto wait = request.query_value("wait")) {
    patience = parse_duration(*wait);
    if (!patience || *patience > kLongestWait) {
      return error_response(400, "invalid",
                            "wait: expected a duration of at most 1h, such as \"30s\"");
    }
  }
  const bool accept_loss = request.query_value("accept_loss").value_or("") == "true";
  const Seat seat(waiting_, kMostWaiting);
  if (patience && !seat.given()) {
    return error_response(503, "busy", "too many requests wait already; ask again without wait");
  }
  const auto receipt = triggers_.accept({name, Cause::manual, {}, "", accept_loss});
  if (!receipt) {
    return refused(name, receipt.error());
  }
  return patience ? wait_for(name, receipt->ticket, *patience) : accepted(name);
}

/// Why a trigger was not taken.
http::Response Api::refused(const RepositoryName& name, const Error& error) const {
  if (error.error_class == ErrorClass::not_found) {
    return unknown_repository(name);
  }
  const auto state = store_.find(name);
  return error.error_class == ErrorClass::conflict && state && state->paused_since
             ? error_response(409, "paused", error.message)
             : unavailable(error);
}

http::Response Api::switched(const RepositoryName& name, const Result<void>& done,
                             std::string_view status) {
  if (done) {
    return json_response(200, Json::object({{"status", status}, {"repository", name.text()}}));
  }
  const Error& error = done.error();
  return error.error_class == ErrorClass::not_found ? unknown_repository(name) : unavailable(error);
}

http::Response Api::pause(const RepositoryName& name) {
  return switched(name, switch_.pause(name), "paused");
}

http::Response Api::resume(const RepositoryName& name) {
  return switched(name, switch_.resume(name), "resumed");
}

http::Response Api::wait_for(const RepositoryName& name, Ticket ticket, Duration patience) {
  const auto state = store_.wait_covered(name, ticket, now() + patience);
  if (!state) {
    return gone();
  }
  if (state->covered < ticket || !state->last_outcome) {
    return error_response(504, "timeout",
                          "the refresh of " + name.text() + " is still running or waiting");
  }
  return result_of(*state->last_outcome);
}

http::Response Api::ensure(const RepositoryName& name, const http::Request& request) {
  const auto wanted = read_ensure(request.body);
  if (!wanted) {
    return error_response(400, "invalid", wanted.error().message);
  }
  if (!store_.find(name)) {
    return unknown_repository(name);
  }
  const Seat seat(waiting_, kMostWaiting);
  if (!seat.given()) {
    return error_response(503, "busy", "too many requests wait already; ask again later");
  }
  if (auto refused = wait_published(name, wanted->commit, now() + wanted->wait)) {
    return *refused;
  }
  const auto state = store_.find(name);
  const auto checkouts =
      published_.look_at(state ? state->checkouts : std::vector<CheckoutStatus>());
  return json_response(200, Json::object({{"status", "published"},
                                          {"repository", name.text()},
                                          {"commit", wanted->commit.hex()},
                                          {"checkouts", views(checkouts)}}));
}

/// nullopt: it is published.
std::optional<http::Response> Api::wait_published(const RepositoryName& name,
                                                  const ObjectId& commit, Instant deadline) {
  // A commit that a gate refused is judged once more, as at any manual refresh, but only once.
  Cause cause = Cause::manual;
  for (int attempt = 1;; ++attempt) {
    if (published_.has(name, commit)) {
      return std::nullopt;
    }
    const auto receipt = triggers_.accept({name, cause, {}, ""});
    if (!receipt) {
      return refused(name, receipt.error());
    }
    cause = Cause::retry;
    auto state = store_.wait_covered(name, receipt->ticket, deadline);
    if (state && !published_.has(name, commit) && now() < deadline) {
      // Others may bring it meanwhile.
      const Instant again = std::min(deadline, now() + kAskAgain.delay(attempt, 0));
      state = store_.wait_covered(name, state->covered + 1, again);
    }
    if (!state) {
      return gone();
    }
    if (now() >= deadline && !published_.has(name, commit)) {
      const std::string last = state->failure ? "; " + state->failure->error.message : "";
      return error_response(504, "timeout", commit.hex() + " is not published yet" + last);
    }
  }
}

http::Response Api::refresh_all() {
  Json names = Json::array();
  for (const auto& state : store_.all()) {
    if (triggers_.accept({state->name, Cause::manual, {}, ""})) {
      names.push(state->name.text());
    }
  }
  return json_response(202,
                       Json::object({{"status", "accepted"}, {"repositories", std::move(names)}}));
}

http::Response health(bool scheduler_makes_progress) {
  return scheduler_makes_progress ? json_response(200, Json::object({{"status", "ok"}}))
                                  : json_response(503, Json::object({{"status", "stuck"}}));
}

http::Response readiness(const state::Store& store, const http::Request& request, WallTime now) {
  std::optional<Duration> max_age;
  if (const auto text = request.query_value("max_age")) {
    max_age = parse_duration(*text);
    if (!max_age) {
      return error_response(400, "invalid", "max_age: expected a duration such as \"5m\"");
    }
  }
  std::int64_t waiting = 0;
  std::int64_t stale = 0;
  for (const auto& state : store.all()) {
    waiting += state->settled() ? 0 : 1;
    stale += max_age && !state->paused_since &&
                     (!state->last_success || now - *state->last_success > *max_age)
                 ? 1
                 : 0;
  }
  // Counts only: nobody on the public side learns which repositories there are.
  const bool ready = waiting == 0 && stale == 0;
  return json_response(ready ? 200 : 503, Json::object({{"status", ready ? "ready" : "not ready"},
                                                        {"not_refreshed_yet", waiting},
                                                        {"stale", stale}}));
}

}  // namespace freshet::admin
