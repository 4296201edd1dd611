#include "base/credential_match.h"

#include <algorithm>

namespace freshet {
namespace {

using Transport = UpstreamUrl::Transport;

/// "git@host:path", unlike "host:8443/path".
bool is_scp_form(std::string_view text) {
  const std::string_view authority = text.substr(0, text.find('/'));
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) {
    return false;
  }
  return authority.find('@') != std::string_view::npos || colon + 1 == authority.size() ||
         authority.find_first_not_of("0123456789", colon + 1) != std::string_view::npos;
}

/// "user:password@host": UpstreamUrl would take it for the host "user" where no scheme is given.
bool holds_password(std::string_view text) {
  const std::size_t separator = text.find("://");
  text.remove_prefix(separator == std::string_view::npos ? 0 : separator + 3);
  const std::string_view authority = text.substr(0, text.find('/'));
  const std::size_t colon = authority.find(':');
  return colon != std::string_view::npos && authority.find('@', colon) != std::string_view::npos;
}

std::string without_git_suffix(std::string path) {
  if (path.ends_with(".git")) {
    path.resize(path.size() - 4);
  }
  return path;
}

/// A path that a client would rewrite before it asks is below nothing.
bool climbs(std::string_view path) {
  const std::string padded = "/" + std::string(path) + "/";
  return padded.find("/../") != std::string::npos || padded.find("/./") != std::string::npos;
}

/// The text without what could be a password, for messages.
std::string shown(std::string_view text) {
  if (text.find("://") == std::string_view::npos) {
    text.remove_prefix(text.rfind('@') + 1);  // npos + 1 is 0
  }
  return "\"" + redact_urls(text) + "\"";
}

}  // namespace

Result<CredentialMatch> CredentialMatch::parse(std::string_view text) {
  CredentialMatch match;
  match.prefix_ = text.ends_with('*');
  std::string url(text);
  if (match.prefix_) {
    url.pop_back();
    if (!url.ends_with('/') && !url.ends_with(':')) {
      return fail(ErrorClass::config, shown(text) + ": \"*\" stands behind a \"/\"");
    }
    url += 'x';  // a name for UpstreamUrl::parse to accept, taken off again
  }
  if (holds_password(url)) {
    return fail(ErrorClass::config, shown(text) + ": a password belongs in a file (password_file)");
  }
  if (url.find('*') != std::string::npos) {
    return fail(ErrorClass::config, shown(text) + ": \"*\" stands at the end only");
  }
  std::vector<std::string> forms{url};
  if (url.find("://") == std::string::npos && !url.starts_with('/') && !is_scp_form(url)) {
    forms = {"https://" + url, "ssh://" + url};
  }
  for (const std::string& form : forms) {
    auto place = UpstreamUrl::parse(form);
    if (!place || place->transport() == Transport::file || place->transport() == Transport::git) {
      return fail(ErrorClass::config,
                  shown(text) +
                      ": expected https://HOST/PATH/*, http:// or ssh:// likewise, HOST/PATH/* for "
                      "https and ssh, or the URL of one repository");
    }
    match.places_.push_back(std::move(*place));
  }
  match.path_ = match.places_.front().path();
  if (match.prefix_) {
    match.path_.pop_back();
  } else {
    match.path_ = without_git_suffix(std::move(match.path_));
  }
  return match;
}

bool CredentialMatch::speaks(UpstreamUrl::Transport transport) const {
  return std::any_of(places_.begin(), places_.end(),
                     [&](const UpstreamUrl& place) { return place.transport() == transport; });
}

bool CredentialMatch::covers(const UpstreamUrl& url) const {
  const bool reaches = std::any_of(places_.begin(), places_.end(), [&](const UpstreamUrl& place) {
    return place.transport() == url.transport() && place.host() == url.host() &&
           place.port() == url.port();
  });
  if (!reaches || climbs(url.path())) {
    return false;
  }
  return prefix_ ? url.path().starts_with(path_) : without_git_suffix(url.path()) == path_;
}

}  // namespace freshet
