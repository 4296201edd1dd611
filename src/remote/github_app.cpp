#include "remote/github_app.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/log.h"

namespace freshet::remote {
namespace {

constexpr auto kMargin = std::chrono::minutes(10);
constexpr auto kBetweenThrowingAway = std::chrono::minutes(1);
/// While an old token still serves, GitHub is not asked again sooner after a failure.
constexpr std::chrono::seconds kPause{30};
constexpr std::chrono::seconds kLongestPause{3600};

/// Returns once `landed` or `cancel` is.
void wait(const CancelToken& landed, const CancelToken& cancel) {
  std::array<pollfd, 2> fds{{{landed.descriptor(), POLLIN, 0}, {cancel.descriptor(), POLLIN, 0}}};
  while (!landed.cancelled() && !cancel.cancelled()) {
    ::poll(fds.data(), fds.size(), -1);
  }
}

bool is_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

/// "acme/docs" of https://github.com/acme/docs.git; only such names are put into a request.
Result<std::string> repository_of(const UpstreamUrl& url) {
  std::string path = url.path();
  if (path.ends_with(".git")) {
    path.resize(path.size() - 4);
  }
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos || !is_name(path.substr(0, slash)) ||
      !is_name(path.substr(slash + 1))) {
    return fail(ErrorClass::config, url.identity() +
                                        " is no repository of GitHub (OWNER/NAME), so its GitHub "
                                        "App cannot be looked up; set installation_id");
  }
  return path;
}

std::string owner_of(const UpstreamUrl& url) {
  std::string owner = url.path().substr(0, url.path().find('/'));
  std::transform(owner.begin(), owner.end(), owner.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return owner;
}

/// A repository or installation that the App cannot see is a matter of its rights.
Error as_refusal(Error error) {
  if (error.error_class == ErrorClass::not_found) {
    error.error_class = ErrorClass::auth;
  }
  return error;
}

}  // namespace

GithubApp::GithubApp(GithubAppSpec spec, std::string ca_file, HttpClient& api, Clock clock)
    : spec_(std::move(spec)), clock_(std::move(clock)), api_(spec_, std::move(ca_file), api) {}

GithubApp::Installation& GithubApp::installation_of(const UpstreamUrl& url) {
  const bool given = spec_.installation_id != 0;
  return installations_[given ? std::string() : owner_of(url)];
}

Result<Secret> GithubApp::settle(Installation& installation, const Result<AppToken>& answer,
                                 WallTime time) {
  installation.ask_again = {};
  installation.last_error.reset();
  if (answer) {
    installation.token = Secret(answer->token);
    installation.expires_at = answer->expires_at;
    installation.refused = false;
    return Secret(installation.token);
  }
  const Error error = as_refusal(answer.error());
  if (error.retry_after) {
    installation.ask_again = time + std::min(*error.retry_after, kLongestPause);
    installation.last_error = error;
  }
  const bool alive = !installation.token.empty() && time < installation.expires_at;
  if (!alive || error.error_class == ErrorClass::auth) {
    return fail(error);
  }
  installation.ask_again = std::max(installation.ask_again, time + kPause);
  return Secret(installation.token);
}

Result<Secret> GithubApp::token(const UpstreamUrl& url, const CancelToken& cancel) {
  while (!cancel.cancelled()) {
    const WallTime time = clock_();
    std::shared_ptr<Flight> flight;
    std::int64_t id = 0;
    bool is_ours = false;
    {
      const MutexLock lock(mutex_);
      Installation& installation = installation_of(url);
      if (auto answer = without_asking(installation, time)) {
        return std::move(*answer);
      }
      is_ours = installation.flight == nullptr;
      if (is_ours) {
        installation.flight = std::make_shared<Flight>();
      }
      flight = installation.flight;
      id = spec_.installation_id != 0 ? spec_.installation_id : installation.id;
    }
    if (is_ours) {
      return ask(url, *flight, id, cancel);
    }
    wait(flight->landed, cancel);
    const MutexLock lock(mutex_);
    if (flight->result) {
      return *flight->result;
    }
  }
  return fail(ErrorClass::conflict, "cancelled");
}

std::optional<Result<Secret>> GithubApp::without_asking(const Installation& installation,
                                                        WallTime time) {
  const bool alive = !installation.token.empty() && time < installation.expires_at;
  if (alive && !installation.refused && time < installation.expires_at - kMargin) {
    return Secret(installation.token);
  }
  if (time >= installation.ask_again) {
    return std::nullopt;
  }
  if (alive) {
    return Secret(installation.token);
  }
  if (installation.last_error) {
    return fail(*installation.last_error);
  }
  return std::nullopt;
}

Result<Secret> GithubApp::ask(const UpstreamUrl& url, Flight& flight, std::int64_t id,
                              const CancelToken& cancel) {
  Result<AppToken> answer = request(url, id, cancel);
  const WallTime time = clock_();
  Result<Secret> result = fail(ErrorClass::conflict, "cancelled");
  {
    const MutexLock lock(mutex_);
    Installation& installation = installation_of(url);
    installation.flight.reset();
    installation.id = id;
    const bool cancelled = !answer && answer.error().error_class == ErrorClass::conflict;
    if (!cancelled) {
      result = settle(installation, answer, time);
      flight.result = result;
    }
  }
  flight.landed.cancel();
  log_answer(answer, id, result.has_value());
  return result;
}

Result<AppToken> GithubApp::request(const UpstreamUrl& url, std::int64_t& id,
                                    const CancelToken& cancel) const {
  if (id != 0) {
    auto answer = api_.new_token(id, clock_(), cancel);
    const bool gone = !answer && answer.error().error_class == ErrorClass::not_found;
    if (!gone || spec_.installation_id != 0) {
      return answer;
    }
    id = 0;  // the App was installed anew since
  }
  FRESHET_TRY(const std::string repository, repository_of(url));
  FRESHET_TRY(id, api_.find_installation(repository, clock_(), cancel));
  return api_.new_token(id, clock_(), cancel);
}

void GithubApp::log_answer(const Result<AppToken>& answer, std::int64_t id, bool served) const {
  if (answer) {
    log::info(
        "have a new GitHub App token",
        {{"app", spec_.app_id}, {"installation", id}, {"expires", to_rfc3339(answer->expires_at)}});
  } else if (served) {
    log::warning("keep the old GitHub App token",
                 {{"app", spec_.app_id}, {"installation", id}, {"error", answer.error().message}});
  }
}

bool GithubApp::rejected(const UpstreamUrl& url, const Secret& token) {
  const WallTime time = clock_();
  const MutexLock lock(mutex_);
  Installation& installation = installation_of(url);
  if (installation.token.reveal() != token.reveal()) {
    return true;  // a newer one is there, or will be asked for
  }
  const bool too_soon =
      time >= installation.refused_at && time < installation.refused_at + kBetweenThrowingAway;
  if (too_soon) {
    return false;
  }
  installation.refused = true;
  installation.refused_at = time;
  if (!installation.last_error) {
    installation.ask_again = {};
  }
  return true;
}

}  // namespace freshet::remote
