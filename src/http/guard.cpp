#include "http/guard.h"

#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "base/hmac.h"
#include "base/log.h"
#include "http/answer.h"

namespace freshet::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Authority {
  std::string host;  ///< in lower case, an IPv6 address without brackets
  int port = 0;      ///< 0: none is named
};

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::size_t end = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return std::nullopt;
    }
    authority.host = lower(text.substr(1, bracket - 1));
    end = bracket + 1;
  } else {
    end = std::min(end, text.size());
    authority.host = lower(text.substr(0, end));
  }
  std::string_view port = text.substr(end);
  if (authority.host.empty() || (!port.empty() && port.front() != ':')) {
    return std::nullopt;
  }
  port.remove_prefix(std::min<std::size_t>(1, port.size()));
  if (!port.empty()) {
    const auto [last, error] =
        std::from_chars(port.data(), port.data() + port.size(), authority.port);
    if (error != std::errc() || last != port.data() + port.size() || authority.port < 1 ||
        authority.port > 65535) {
      return std::nullopt;
    }
  }
  return authority;
}

bool is_address(const std::string& host) {
  in6_addr buffer{};
  return inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

bool same_origin(std::string_view origin, const Authority& host) {
  int default_port = 0;
  for (const auto& [scheme, port] :
       {std::pair(std::string_view("http://"), 80), std::pair(std::string_view("https://"), 443)}) {
    if (origin.starts_with(scheme)) {
      origin.remove_prefix(scheme.size());
      default_port = port;
      break;
    }
  }
  const auto authority = parse_authority(origin);
  if (default_port == 0 || !authority) {
    return false;
  }
  const auto port = [&](const Authority& a) { return a.port == 0 ? default_port : a.port; };
  return authority->host == host.host && port(*authority) == port(host);
}

/// Somebody followed a link to the status page: into a tab of its own, which no page can look into.
bool follows_link_to_page(const Request& head) {
  return head.method == "GET" && head.path == "/" &&
         head.headers.find("Sec-Fetch-Mode") == "navigate" &&
         head.headers.find("Sec-Fetch-Dest") == "document";
}

Response forbidden(std::string_view message) {
  return error_response(403, "forbidden", message);
}

/// What stands behind a scheme's name, which compares without case.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      strncasecmp(value.data(), scheme.data(), scheme.size()) != 0) {
    return std::nullopt;
  }
  value.remove_prefix(scheme.size() + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::optional<Secret> given_token(const Request& head) {
  if (head.headers.count("Authorization") != 1) {
    return std::nullopt;
  }
  const std::string_view value = *head.headers.find("Authorization");
  if (const auto bearer = after_scheme(value, "Bearer")) {
    return Secret(std::string(*bearer));
  }
  if (const auto basic = after_scheme(value, "Basic")) {
    const auto pair = from_base64(*basic);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) {
      return Secret(pair->substr(colon + 1));
    }
  }
  return std::nullopt;
}

Response unauthorized() {
  Response response = error_response(401, "unauthorized", "the token is missing or wrong");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"freshet\", charset=\"UTF-8\"");
  return response;
}

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

OriginGuard::OriginGuard(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {
  for (std::string& host : hosts_) {
    host = lower(host);
  }
}

bool OriginGuard::knows(const std::string& name) const {
  return name == "localhost" || is_address(name) ||
         std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end();
}

std::optional<Response> OriginGuard::operator()(const Request& head) const {
  const auto host = parse_authority(head.headers.find("Host").value_or(""));
  const bool unix_peer = head.peer.empty();
  if (!unix_peer && (!host || !knows(host->host))) {
    return forbidden("this host name is not one of this service's; admin.hosts lists further ones");
  }
  const auto origin = head.headers.find("Origin");
  if (origin && (!host || head.headers.count("Origin") > 1 || !same_origin(*origin, *host))) {
    return forbidden("pages of another origin have no access");
  }
  const auto site = head.headers.find("Sec-Fetch-Site");
  if (site && *site != "same-origin" && *site != "none" && !follows_link_to_page(head)) {
    return forbidden("pages of another origin have no access");
  }
  return std::nullopt;
}

std::optional<Response> check_token(const Request& head, const SecretLoader& load) {
  const Result<Secret> expected = load();
  if (!expected || expected->empty()) {
    log::error("admin token cannot be read",
               {{"error", expected ? std::string("it is empty") : expected.error().message}});
    return error_response(500, "config", "the token of this service cannot be read");
  }
  const auto given = given_token(head);
  if (!given || !equal_in_constant_time(bytes_of(sha256(given->reveal())),
                                        bytes_of(sha256(expected->reveal())))) {
    return unauthorized();
  }
  return std::nullopt;
}

}  // namespace freshet::http
