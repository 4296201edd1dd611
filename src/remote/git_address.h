#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/url.h"

/// Where git itself would go for a URL that is none of http, and what it would say there. Pure.
namespace freshet::remote {

struct GitAddress {
  std::string user;
  std::string host;  ///< an IPv6 address without brackets
  std::string port;  ///< empty: the transport's own
  std::string path;  ///< as the server shall get it; local: absolute
};

/// Error config: a user, host or path that a command line would take for an option, or one with
/// control characters.
Result<GitAddress> git_address(const UpstreamUrl& url);

/// The words that stand behind ssh's options: where to, and what to run there.
std::vector<std::string> ssh_destination(const GitAddress& address);
/// The first packet to a git daemon.
std::string daemon_request(const GitAddress& address);

}  // namespace freshet::remote
