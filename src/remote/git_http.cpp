#include "remote/git_http.h"

#include <algorithm>
#include <cctype>

#include "remote/http_address.h"
#include "remote/printable.h"

namespace freshet::remote {
namespace {

constexpr std::string_view kGreetingPath = "/info/refs?service=git-upload-pack";

std::string configured_place(const UpstreamUrl& url) {
  std::string text = url.text();
  text.erase(text.find_last_not_of('/') + 1);
  return text;
}

/// With the user that the configured URL may name taken out: it belongs to the sign-in.
std::string without_user(const std::string& url) {
  const std::size_t begin = std::min(url.find("://"), url.size() - 3) + 3;
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  const std::size_t at = url.rfind('@', slash);
  return at == std::string::npos || at < begin || at > slash
             ? url
             : url.substr(0, begin) + url.substr(at + 1);
}

bool may_see_authorization(const std::string& configured, const std::string& learnt) {
  const auto ours = parse_address(configured);
  const auto theirs = parse_address(learnt);
  if (!ours || !theirs || ours->host != theirs->host) {
    return false;
  }
  return ours->secure == theirs->secure ? ours->port == theirs->port : theirs->secure;
}

HttpRequest request_to(const HttpAccess& access, std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.headers = {{"Git-Protocol", "version=2"}};
  request.authorization = Secret(access.authorization);
  request.ca_file = access.ca_file;
  return request;
}

std::string folded(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

Error status_error(ErrorClass error_class, int status, std::string_view meaning) {
  std::string message = "the upstream answers " + std::to_string(status);
  if (!meaning.empty()) {
    message += ": " + std::string(meaning);
  }
  return {error_class, std::move(message), std::nullopt};
}

Error explain_status(const HttpReply& reply, bool has_login) {
  const int status = reply.status;
  const bool must_wait = reply.retry_after && (status == 403 || status == 503);
  if (status == 429 || must_wait) {
    return status_error(ErrorClass::rate_limited, status, "it asks to wait");
  }
  switch (status) {
    case 401:
      return status_error(ErrorClass::auth, status,
                          has_login ? "it does not take the credential"
                                    : "it asks for a credential; does the repository exist?");
    case 403:
      return status_error(
          ErrorClass::auth, status,
          has_login ? "the credential may not read this repository" : "it asks for a credential");
    case 404:
    case 410:
      return status_error(ErrorClass::not_found, status,
                          has_login ? "no such repository, or the credential may not see it"
                                    : "no such repository, or it needs a credential");
    case 408:
      return status_error(ErrorClass::timeout, status, "");
    case 502:
    case 503:
    case 504:
      return status_error(ErrorClass::network, status, "the server behind it does not answer");
    default:
      break;
  }
  return status_error(ErrorClass::protocol, status,
                      status / 100 == 3 ? "it leads somewhere else, which is not followed" : "");
}

}  // namespace

HttpRequest greeting_request(const HttpAccess& access) {
  return request_to(access,
                    without_user(configured_place(access.url)) + std::string(kGreetingPath));
}

HttpRequest command_request(const HttpAccess& access, const RemoteMemory::Server& server,
                            std::string body) {
  const std::string configured = without_user(configured_place(access.url));
  const bool safe = access.authorization.empty() || may_see_authorization(configured, server.url);
  HttpRequest request = request_to(access, (safe ? server.url : configured) + "/git-upload-pack");
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/x-git-upload-pack-request");
  request.headers.emplace_back("Accept", std::string(kAnswerType));
  request.body = std::move(body);
  return request;
}

bool has_type(const HttpReply& reply, std::string_view type) {
  std::string_view given = reply.content_type;
  given = given.substr(0, given.find(';'));
  while (given.ends_with(' ')) {
    given.remove_suffix(1);
  }
  return folded(given) == type;
}

Attempt<void> check_reply(const HttpReply& reply, std::string_view type, bool has_login) {
  if (reply.status / 100 != 2) {
    Error error = explain_status(reply, has_login);
    error.retry_after = reply.retry_after;
    const bool refused =
        error.error_class == ErrorClass::auth || error.error_class == ErrorClass::not_found;
    const bool odd = error.error_class == ErrorClass::not_found ||
                     (error.error_class == ErrorClass::protocol && reply.status < 500);
    return fail_with({std::move(error), refused, odd});
  }
  if (!has_type(reply, type)) {
    Error error{ErrorClass::protocol,
                "the upstream's answer is none of a git server: its type is \"" +
                    printable(reply.content_type) + "\"",
                std::nullopt};
    return fail_with({std::move(error), false, true});
  }
  return {};
}

std::optional<std::string> place_of(std::string_view final_url) {
  if (!final_url.ends_with(kGreetingPath)) {
    return std::nullopt;
  }
  return std::string(final_url.substr(0, final_url.size() - kGreetingPath.size()));
}

}  // namespace freshet::remote
