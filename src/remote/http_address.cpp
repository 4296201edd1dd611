#include "remote/http_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/utf8.h"
#include "base/visible.h"
#include "remote/curl_handles.h"

namespace freshet::remote {
namespace {

constexpr int kMostRedirects = 5;

/// Say nothing about who asks.
constexpr std::array<std::string_view, 12> kHarmlessHeaders{
    "accept",        "accept-encoding",  "accept-language",
    "cache-control", "content-encoding", "content-type",
    "git-protocol",  "if-none-match",    "if-modified-since",
    "pragma",        "user-agent",       "x-github-api-version"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) {
    return {};
  }
  const CurlString owned(text);
  return owned.get();
}

HttpAddress address_of(CURLU* url) {
  HttpAddress address;
  curl_url_set(url, CURLUPART_FRAGMENT, nullptr, 0);
  address.url = part(url, CURLUPART_URL);
  address.secure = part(url, CURLUPART_SCHEME) == "https";
  address.host = lower(part(url, CURLUPART_HOST));
  address.port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return address;
}

bool is_http(CURLU* url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

/// The same host, and no other port or scheme than the default ones of http and then https.
bool same_place(const HttpAddress& from, const HttpAddress& to) {
  if (from.host != to.host) {
    return false;
  }
  const bool upgrade = !from.secure && to.secure && from.port == "80" && to.port == "443";
  return upgrade || (from.secure == to.secure && from.port == to.port);
}

bool confidential(const HttpRequest& request) {
  return !request.authorization.empty() ||
         std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
           return std::find(kHarmlessHeaders.begin(), kHarmlessHeaders.end(),
                            lower(header.first)) == kHarmlessHeaders.end();
         });
}

bool followable(const std::string& method, int status) {
  const bool reads = method == "GET" || method == "HEAD";
  return status == 307 || status == 308 ||
         (reads && (status == 301 || status == 302 || status == 303));
}

}  // namespace

std::string HttpAddress::name() const {
  // A redirect can name one as long as a whole head.
  constexpr std::size_t kWidest = 120;
  const std::string shown = cut_to_width(visible(host), kWidest);
  return port == (secure ? "443" : "80") ? shown : shown + ":" + port;
}

Result<HttpAddress> parse_address(std::string_view text) {
  const UrlHandle url(curl_url());
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK || !is_http(url.get())) {
    return fail(ErrorClass::config, "this is no http or https URL, or one that cannot be read");
  }
  if (!part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty()) {
    return fail(ErrorClass::config,
                fmt::format("the URL of {} holds a user or password; they belong in a file",
                            part(url.get(), CURLUPART_HOST)));
  }
  return address_of(url.get());
}

Result<Redirection> judge_redirect(const HttpRequest& request, const HttpAddress& from, int status,
                                   std::string_view location, int followed) {
  if (location.empty() || !followable(request.method, status)) {
    return Redirection{};
  }
  if (followed >= kMostRedirects) {
    return fail(ErrorClass::protocol,
                fmt::format("{} redirects more than {} times", from.name(), kMostRedirects));
  }
  const UrlHandle url(curl_url());
  const bool readable =
      curl_url_set(url.get(), CURLUPART_URL, from.url.c_str(), 0) == CURLUE_OK &&
      curl_url_set(url.get(), CURLUPART_URL, std::string(location).c_str(), 0) == CURLUE_OK;
  if (!readable || !is_http(url.get())) {
    return fail(ErrorClass::protocol,
                fmt::format("{} redirects to what is no http or https URL", from.name()));
  }
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  HttpAddress to = address_of(url.get());
  if (from.secure && !to.secure) {
    return fail(ErrorClass::protocol,
                fmt::format("{} redirects from https to http ({}), which is not followed",
                            from.name(), to.name()));
  }
  if (!same_place(from, to) && confidential(request)) {
    return fail(ErrorClass::protocol,
                fmt::format("{} redirects to {}, which must not get the credentials; if that is "
                            "where the repository is now, change its url",
                            from.name(), to.name()));
  }
  return Redirection{Redirection::Next::follow, std::move(to)};
}

}  // namespace freshet::remote
