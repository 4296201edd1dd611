#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/url.h"

namespace freshet {

/// Which upstreams a [[credential]] is for: one repository, or all below a path.
///
///   https://github.com/acme/*   everything of acme over https, never over http
///   https://github.com/acme/docs    that repository, with or without ".git"
///   git.example.com/*           the whole host over https and ssh, never over http
///   git@github.com:acme/*       over ssh
///
/// The scheme, the host without regard to case and the port must be the same (none given: the
/// scheme's own port); the user does not matter; the case of the path does.
class CredentialMatch {
 public:
  /// Error config: not of these forms. "*" stands at the end only and behind a "/", so that "acme"
  /// never lends its token to "acme2".
  static Result<CredentialMatch> parse(std::string_view text);

  bool covers(const UpstreamUrl& url) const;
  /// Whether it covers anything over that transport.
  bool speaks(UpstreamUrl::Transport transport) const;
  /// Among those that cover an upstream the greatest counts: the longest path, then the one that
  /// says its scheme.
  std::size_t weight() const { return 2 * path_.size() + (places_.size() == 1 ? 1 : 0); }

 private:
  std::vector<UpstreamUrl> places_;  ///< scheme, host and port; one for each scheme
  std::string path_;                 ///< a prefix keeps its last slash
  bool prefix_ = false;
};

}  // namespace freshet
