#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

/// Where an upstream is. Forms: https://HOST[:PORT]/PATH, http://, ssh://[USER@]HOST[:PORT]/PATH,
/// [USER@]HOST:PATH (as ssh), git://, file:///PATH and an absolute local PATH.
class UpstreamUrl {
 public:
  enum class Transport { https, http, ssh, git, file };

  /// Error (class config): another scheme, no host, no path, a password inside the URL (it belongs
  /// in a file), a leading "-", control characters.
  static Result<UpstreamUrl> parse(std::string_view text);

  Transport transport() const { return transport_; }
  const std::string& text() const { return text_; }  ///< as git takes it; holds no password
  const std::string& host() const { return host_; }  ///< lower case; empty for Transport::file
  const std::string& port() const { return port_; }  ///< empty: the transport's own
  const std::string& user() const { return user_; }
  const std::string& path() const { return path_; }  ///< without slashes around; local: absolute

  /// What limits towards one upstream host count by: "github.com", "127.0.0.1:8080", "local".
  std::string host_key() const;
  /// "github.com/acme/docs", the default name of a repository.
  std::string identity() const;
  bool operator==(const UpstreamUrl&) const = default;

 private:
  Transport transport_ = Transport::https;
  std::string text_;
  std::string host_;
  std::string port_;
  std::string user_;
  std::string path_;
};

/// The form in which URLs are compared when a delivery speaks of a repository: "host/path" in lower
/// case without scheme, user, port, ".git", surrounding slashes and a first "scm/" (Bitbucket Data
/// Center's clone URLs). Takes URLs and plain "host/path" texts; a local path keeps its first
/// slash. Empty when nothing is left.
std::string comparable_url(std::string_view text);

/// The same text without the password, or the token in place of a user, that a URL in it carries:
/// "https://***@host/path". For error messages of other programs.
std::string redact_urls(std::string_view text);

}  // namespace freshet
