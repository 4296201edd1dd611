#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "base/url.h"
#include "remote/attempt.h"
#include "remote/http_client.h"
#include "remote/remote_memory.h"

/// How git's protocol travels in HTTP requests. Pure.
namespace freshet::remote {

/// What goes with every request to one upstream.
struct HttpAccess {
  UpstreamUrl url;  ///< as configured; http or https
  Secret authorization;
  std::string ca_file;
};

/// GET info/refs, the question for the capabilities.
HttpRequest greeting_request(const HttpAccess& access);
/// POST git-upload-pack. A place learnt elsewhere than on the configured host, or one that would
/// turn https into http, gets no authorization: the configured place is asked instead.
HttpRequest command_request(const HttpAccess& access, const RemoteMemory::Server& server,
                            std::string body);

/// The media types of the two answers.
inline constexpr std::string_view kGreetingType = "application/x-git-upload-pack-advertisement";
inline constexpr std::string_view kAnswerType = "application/x-git-upload-pack-result";

/// Whether the answer's media type is this one; what follows ";" does not count.
bool has_type(const HttpReply& reply, std::string_view type);
/// Fine for 2xx of that type. Else auth (401, 403), not_found (404, 410), rate_limited (429, and
/// 403 or 503 with Retry-After), timeout (408), network (502 to 504), protocol. `has_login`: one
/// was shown.
Attempt<void> check_reply(const HttpReply& reply, std::string_view type, bool has_login);

/// The repository's place, from where the greeting came in the end. nullopt: that is no place of a
/// greeting.
std::optional<std::string> place_of(std::string_view final_url);

}  // namespace freshet::remote
