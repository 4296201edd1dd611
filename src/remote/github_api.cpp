#include "remote/github_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/base64.h"
#include "base/json.h"
#include "base/rsa_sign.h"
#include "remote/http_client.h"

namespace freshet::remote {
namespace {

constexpr TimeLimits kLimits{std::chrono::seconds(30), std::chrono::seconds(20)};
constexpr std::size_t kLargestToken = 16U << 10U;

/// "2026-11-21T08:57:29Z", with a fraction or another offset too.
std::optional<WallTime> parse_time(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) {
    return std::nullopt;
  }
  if (*rest == '.') {
    rest += 1 + std::string_view(rest + 1).find_first_not_of("0123456789");
  }
  std::tm zone{};
  rest = ::strptime(rest, "%z", &zone);
  if (rest == nullptr || *rest != '\0') {
    return std::nullopt;
  }
  return std::chrono::system_clock::from_time_t(::timegm(&parts) - zone.tm_gmtoff);
}

std::string_view header(const HttpReply& reply, std::string_view name) {
  const auto found = std::find_if(reply.headers.begin(), reply.headers.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == reply.headers.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

/// GitHub's own words, fit for a line of ours.
std::string words_of(const HttpReply& reply) {
  std::string text = "HTTP status " + std::to_string(reply.status);
  if (const auto body = Json::parse(reply.body); body && (*body)["message"].is_text()) {
    text += ": " + redact_tokens((*body)["message"].text()).substr(0, 200);
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

/// When GitHub says to ask again: by Retry-After, or by the time at which the quota is full again.
std::optional<std::chrono::seconds> retry_after(const HttpReply& reply, WallTime time) {
  if (reply.retry_after) {
    return reply.retry_after;
  }
  if (header(reply, "x-ratelimit-remaining") == "0") {
    const std::int64_t reset = integer(header(reply, "x-ratelimit-reset")).value_or(0);
    const std::int64_t now_seconds = std::chrono::system_clock::to_time_t(time);
    return std::chrono::seconds(std::clamp<std::int64_t>(reset - now_seconds, 1, 3600));
  }
  return std::nullopt;
}

/// What an answer other than the wanted one means.
Error refusal(const HttpReply& reply, std::int64_t app_id, WallTime time) {
  const std::string app = "the GitHub App " + std::to_string(app_id);
  const auto wait = retry_after(reply, time);
  const std::string words = words_of(reply);
  if (reply.status == 429 || (reply.status == 403 && wait)) {
    return {ErrorClass::rate_limited, "GitHub's API asks to wait (" + words + ")", wait};
  }
  switch (reply.status) {
    case 401:
      return {ErrorClass::auth,
              "GitHub does not take " + app + " (" + words +
                  "); check app_id, private_key_file and this machine's clock",
              std::nullopt};
    case 403:
    case 422:
      return {ErrorClass::auth,
              "GitHub refuses " + app + " (" + words +
                  "); it needs the permission to read contents, and its installation may be "
                  "suspended",
              std::nullopt};
    case 404:
      return {ErrorClass::not_found, app + " has no such installation (" + words + ")",
              std::nullopt};
    default:
      return {ErrorClass::protocol, "GitHub's API gave an unexpected answer (" + words + ")", wait};
  }
}

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool looks_like_a_token(std::string_view word) {
  if (word.size() < 20) {
    return false;
  }
  return word.starts_with("eyJ") || word.starts_with("github_pat_") ||
         (word.starts_with("gh") && word[3] == '_');
}

}  // namespace

std::string redact_tokens(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_token_character);
    const auto size = static_cast<std::size_t>(end - text.begin());
    result += looks_like_a_token(text.substr(0, size)) ? "***" : text.substr(0, size);
    text.remove_prefix(size);
    if (!text.empty()) {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

Result<Secret> app_token(std::int64_t app_id, const Secret& private_key, WallTime time) {
  const std::int64_t seconds = std::chrono::system_clock::to_time_t(time);
  const Json claims = Json::object(
      {{"iat", seconds - 60}, {"exp", seconds + 540}, {"iss", std::to_string(app_id)}});
  const std::string text =
      to_base64url(R"({"alg":"RS256","typ":"JWT"})") + "." + to_base64url(claims.dump());
  FRESHET_TRY(const std::string signature, sign_rs256(private_key, text));
  return Secret(text + "." + to_base64url(signature));
}

GithubApi::GithubApi(const GithubAppSpec& spec, std::string ca_file, HttpClient& client)
    : spec_(spec), ca_file_(std::move(ca_file)), client_(client) {}

Result<HttpReply> GithubApi::send(HttpRequest request, WallTime time,
                                  const CancelToken& cancel) const {
  FRESHET_TRY(const Secret key, read_secret(spec_.private_key_file));
  auto token = app_token(spec_.app_id, key, time);
  if (!token) {
    return fail(ErrorClass::config, spec_.private_key_file + ": " + token.error().message);
  }
  std::string base = spec_.api_url;
  while (base.ends_with('/')) {
    base.pop_back();
  }
  request.url = base + request.url;
  request.headers.emplace_back("Accept", "application/vnd.github+json");
  request.headers.emplace_back("X-GitHub-Api-Version", "2022-11-28");
  request.authorization = Secret("Bearer " + std::string(token->reveal()));
  request.ca_file = ca_file_;
  request.largest_answer = 1U << 20U;
  return client_.send(request, kLimits, cancel);
}

Result<std::int64_t> GithubApi::find_installation(const std::string& repository, WallTime time,
                                                  const CancelToken& cancel) const {
  HttpRequest request;
  request.url = "/repos/" + repository + "/installation";
  FRESHET_TRY(const HttpReply reply, send(std::move(request), time, cancel));
  if (reply.status == 404) {
    return fail(ErrorClass::not_found, "the GitHub App " + std::to_string(spec_.app_id) +
                                           " is not installed on " + repository);
  }
  if (reply.status != 200) {
    return fail(refusal(reply, spec_.app_id, time));
  }
  const auto body = Json::parse(reply.body);
  const auto id = body ? (*body)["id"].integer() : std::nullopt;
  if (!id || *id <= 0) {
    return fail(ErrorClass::protocol, "GitHub's API names no installation for " + repository);
  }
  return *id;
}

Result<AppToken> GithubApi::new_token(std::int64_t installation, WallTime time,
                                      const CancelToken& cancel) const {
  HttpRequest request;
  request.method = "POST";
  request.url = "/app/installations/" + std::to_string(installation) + "/access_tokens";
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = R"({"permissions":{"contents":"read"}})";
  FRESHET_TRY(const HttpReply reply, send(std::move(request), time, cancel));
  if (reply.status != 201) {
    return fail(refusal(reply, spec_.app_id, time));
  }
  const auto body = Json::parse(reply.body).value_or(Json());
  const std::string& token = body["token"].text();
  const auto expires_at = parse_time(body["expires_at"].text());
  const bool printable =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (token.empty() || token.size() > kLargestToken || !printable || !expires_at) {
    return fail(ErrorClass::protocol, "GitHub's API gave a token of an unknown form");
  }
  return AppToken{Secret(token), *expires_at};
}

}  // namespace freshet::remote
