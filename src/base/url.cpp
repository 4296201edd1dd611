#include "base/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace freshet {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

void strip_slashes(std::string_view& path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
}

void strip_git_suffix(std::string_view& path) {
  if (path.size() >= 4 && lower(path.substr(path.size() - 4)) == ".git") {
    path.remove_suffix(4);
  }
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
}

struct Authority {
  std::string_view user;
  std::string_view password;
  bool has_password = false;
  std::string_view host;
  std::string_view port;
};

Authority split_authority(std::string_view text) {
  Authority result;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    result.user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (const std::size_t colon = result.user.find(':'); colon != std::string_view::npos) {
      result.password = result.user.substr(colon + 1);
      result.user = result.user.substr(0, colon);
      result.has_password = true;
    }
  }
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t bracket = text.find(']');
    colon = bracket == std::string_view::npos ? bracket : text.find(':', bracket);
  }
  result.host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    result.port = text.substr(colon + 1);
  }
  return result;
}

/// Where the path begins in "user@host:path", which git reads as ssh: at the first colon, or the
/// one behind an address in brackets, before any slash. npos: another form.
std::size_t scp_colon(std::string_view text) {
  std::size_t colon = text.find(':');
  if (text.find('[') < colon) {
    const std::size_t bracket = text.find("]:");
    colon = bracket == std::string_view::npos ? bracket : bracket + 1;
  }
  return colon < text.find('/') ? colon : std::string_view::npos;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    host.remove_prefix(1);
    host.remove_suffix(1);
    return !host.empty() && host.find_first_of("[]@") == std::string_view::npos;
  }
  // Others would end the host at "?", "#" or "\", and read another one from "%".
  return !host.empty() && !host.starts_with('-') &&
         host.find_first_of("[]:@?#\\%") == std::string_view::npos;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // One form of each, so that the same place is known as the same.
  return error == std::errc{} && end == text.data() + text.size() && !text.starts_with('0') &&
         number < 65536;
}

/// "user:password@host:path", which git would take for the host "user".
bool is_password_in_scp_form(std::string_view host, std::string_view path) {
  path = path.substr(0, path.find('/'));
  const std::size_t at = path.find('@');
  return host.find('@') == std::string_view::npos && at != std::string_view::npos &&
         path.find(':', at) != std::string_view::npos;
}

constexpr std::string_view kPasswordAdvice =
    "the URL holds a password; put it into a file and name that in a [[credential]] "
    "(password_file or token_file)";

/// Forges' tokens are long, or begin like "ghp_" and "glpat-"; names of people are neither.
bool may_be_token(std::string_view user) {
  constexpr std::size_t kLongestName = 39;
  return user.size() > kLongestName || user.starts_with("glpat-") ||
         (user.size() > 4 && user.starts_with("gh") && user[3] == '_') ||
         user.starts_with("github_pat_");
}

std::string_view default_port(UpstreamUrl::Transport transport) {
  switch (transport) {
    case UpstreamUrl::Transport::https:
      return "443";
    case UpstreamUrl::Transport::http:
      return "80";
    case UpstreamUrl::Transport::ssh:
      return "22";
    case UpstreamUrl::Transport::git:
      return "9418";
    case UpstreamUrl::Transport::file:
      break;
  }
  return "";
}

}  // namespace

Result<UpstreamUrl> UpstreamUrl::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorClass::config, redact_urls(text) + ": " + std::string(why));
  };
  if (text.empty()) {
    return fail(ErrorClass::config, "the URL is empty");
  }
  const bool is_local = text.starts_with('/') || text.starts_with("file:");
  const auto is_refused = [is_local](unsigned char c) {
    return c < ' ' || c == 0x7f || (c == ' ' && !is_local);
  };
  if (text.starts_with('-') || std::any_of(text.begin(), text.end(), is_refused)) {
    return refuse("not a URL: it starts with \"-\" or holds a space or control character");
  }
  UpstreamUrl url;
  url.text_ = text;
  if (text.starts_with('/')) {
    url.transport_ = Transport::file;
    url.path_ = text;
    while (url.path_.size() > 1 && url.path_.ends_with('/')) {
      url.path_.pop_back();
    }
    return url;
  }
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) {
    const std::size_t colon = scp_colon(text);
    if (colon == std::string_view::npos) {
      return refuse(
          "expected https://, http://, ssh://, git:// or file://, HOST:PATH, or an absolute path");
    }
    if (is_password_in_scp_form(text.substr(0, colon), text.substr(colon + 1))) {
      return fail(ErrorClass::config, std::string(kPasswordAdvice));
    }
    const Authority authority = split_authority(text.substr(0, colon));
    url.transport_ = Transport::ssh;
    url.user_ = authority.user;
    url.host_ = lower(authority.host);
    std::string_view path = text.substr(colon + 1);
    strip_slashes(path);
    url.path_ = path;
  } else {
    const std::string scheme = lower(text.substr(0, separator));
    std::string_view rest = text.substr(separator + 3);
    if (scheme == "file") {
      if (rest.starts_with("localhost/")) {
        rest.remove_prefix(9);
      }
      if (!rest.starts_with('/')) {
        return refuse("a file URL takes an absolute path: file:///srv/git/docs.git");
      }
      FRESHET_TRY(UpstreamUrl local, parse(rest));
      local.text_ = text;
      return local;
    }
    if (scheme == "https") {
      url.transport_ = Transport::https;
    } else if (scheme == "http") {
      url.transport_ = Transport::http;
    } else if (scheme == "ssh" || scheme == "git+ssh" || scheme == "ssh+git") {
      url.transport_ = Transport::ssh;
    } else if (scheme == "git") {
      url.transport_ = Transport::git;
    } else {
      return refuse("the scheme must be https, http, ssh, git or file");
    }
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const Authority authority = split_authority(rest.substr(0, slash));
    if (authority.has_password) {
      return refuse(kPasswordAdvice);
    }
    url.user_ = authority.user;
    url.host_ = lower(authority.host);
    const bool is_http = url.transport_ == Transport::https || url.transport_ == Transport::http;
    if (is_http && !authority.user.empty()) {
      if (may_be_token(authority.user)) {
        return refuse(
            "the URL holds what looks like a token; put it into a file and name that in a "
            "[[credential]] (token_file)");
      }
      // Forges write "https://ME@host/..." for cloning; a credential says who signs in.
      url.text_ = std::string(text.substr(0, separator + 3)) +
                  std::string(rest.substr(authority.user.size() + 1));
    }
    if (!authority.port.empty() && !is_port(authority.port)) {
      return refuse("the port must be a number from 1 to 65535");
    }
    if (authority.port != default_port(url.transport_)) {
      url.port_ = authority.port;
    }
    std::string_view path = rest.substr(slash);
    strip_slashes(path);
    url.path_ = path;
  }
  if (!is_host(url.host_)) {
    return refuse("the URL names no host");
  }
  if (url.path_.empty() || url.path_.starts_with('-')) {
    return refuse("the URL names no repository");
  }
  return url;
}

std::string UpstreamUrl::host_key() const {
  if (transport_ == Transport::file) {
    return "local";
  }
  return port_.empty() ? host_ : host_ + ":" + port_;
}

std::string UpstreamUrl::identity() const {
  std::string_view path = path_;
  strip_slashes(path);
  strip_git_suffix(path);
  if (transport_ == Transport::file) {
    return "local/" + std::string(path);
  }
  return host_ + "/" + std::string(path);
}

std::string comparable_url(std::string_view text) {
  bool local = text.starts_with('/');
  std::string_view host;
  std::string_view path = text;
  if (const std::size_t separator = text.find("://"); separator != std::string_view::npos) {
    std::string_view rest = text.substr(separator + 3);
    if (lower(text.substr(0, separator)) == "file") {
      local = true;
      path = rest.starts_with("localhost/") ? rest.substr(9) : rest;
    } else {
      const std::size_t slash = std::min(rest.find('/'), rest.size());
      host = split_authority(rest.substr(0, slash)).host;
      path = rest.substr(slash);
    }
  } else if (const std::size_t colon = scp_colon(text); !local && colon != std::string_view::npos) {
    const std::string_view after = text.substr(colon + 1);
    const std::size_t digits = std::min(after.find_first_not_of("0123456789"), after.size());
    host = split_authority(text.substr(0, colon)).host;
    // "host:8443/path" in a match list is a port, not a path.
    path = digits > 0 && after.substr(digits).starts_with('/') ? after.substr(digits) : after;
  } else if (!local) {
    const std::size_t slash = text.find('/');
    host = text.substr(0, std::min(slash, text.size()));
    path = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
  }
  strip_slashes(path);
  strip_git_suffix(path);
  if (local) {
    return path.empty() ? "" : "/" + lower(path);
  }
  std::string result = lower(path);
  if (result.starts_with("scm/")) {
    result.erase(0, 4);
  }
  if (host.empty()) {
    return result;
  }
  return result.empty() ? "" : lower(host) + "/" + result;
}

std::string redact_urls(std::string_view text) {
  std::string result;
  for (;;) {
    const std::size_t separator = text.find("://");
    if (separator == std::string_view::npos) {
      return result + std::string(text);
    }
    result += text.substr(0, separator + 3);
    text.remove_prefix(separator + 3);
    const std::size_t end = std::min(text.find_first_of("/ \t\r\n'\"?#"), text.size());
    const std::size_t at = text.substr(0, end).rfind('@');
    if (at != std::string_view::npos) {
      // "git@" names nobody; any other user can be a token.
      if (text.substr(0, at) != "git") {
        result += "***";
      } else {
        result += "git";
      }
      text.remove_prefix(at);
    }
  }
}

}  // namespace freshet
