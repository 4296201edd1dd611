// Where a URL of the configuration leads, and what is said there. The first line of the input is
// the URL, the second what a credential is for.
//
// - What is parsed and written again is the same.
// - Nothing of a URL becomes an option, or more than one word, of ssh or of the shell at the other
// side; no control character passes.
// - libcurl and freshet read the same host and port from a URL, and a credential covers only the
// host that it names.

#include <algorithm>
#include <cctype>

#include "base/credential_match.h"
#include "base/url.h"
#include "fuzzing.h"
#include "remote/git_address.h"
#include "remote/git_http.h"
#include "remote/http_address.h"
#include "remote/packet_line.h"
#include "remote/ssh_command.h"

namespace freshet::fuzz {
namespace {

using remote::GitAddress;
using Transport = UpstreamUrl::Transport;

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

/// The words that a POSIX shell makes of a line, where that has no special character outside single
/// quotes but "\" in front of a quote or "!"; empty: it has.
std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\'') {
      quoted = !quoted;
    } else if (quoted) {
      words.back() += c;
    } else if (c == '\\' && i + 1 < line.size()) {
      words.back() += line[++i];
    } else if (c == ' ') {
      words.emplace_back();
    } else if (std::string_view("\t\n;&|<>()$`\"*?[#~{}!").find(c) != std::string_view::npos) {
      return {};
    } else {
      words.back() += c;
    }
  }
  return quoted ? std::vector<std::string>() : words;
}

void check_ssh(const UpstreamUrl& url, const GitAddress& address) {
  const std::vector<std::string> words = remote::ssh_destination(address);
  require(words.size() == (address.port.empty() ? 3 : 5), "there are as many words as are meant");
  require(address.port.empty() || (words[0] == "-p" && words[1] == address.port &&
                                   !address.port.empty() && address.port[0] != '-'),
          "a port is the argument of its option");
  const std::size_t at = words.size() - 3;
  require(words[at] == "--", "what follows are no options");
  require(!words[at + 1].starts_with('-'), "a host is no option");
  require(
      words[at + 1] == (address.user.empty() ? address.host : address.user + "@" + address.host),
      "the destination is user and host");
  const auto command = shell_words(words[at + 2]);
  require(command.size() == 2 && command[0] == "git-upload-pack" && command[1] == address.path,
          "the other shell runs git with one word");
  require(!command[1].starts_with('-'), "a path is no option");

  remote::SshLogin login;
  login.key_file = "/etc/key of mine";
  login.known_hosts_file = url.path();
  std::vector<std::string> options = remote::ssh_arguments(url, login, "/run/ssh");
  require(
      std::all_of(options.begin(), options.end(), [](const auto& one) { return is_plain(one); }),
      "no control character passes");
  require(shell_words(remote::shell_line(options)) == options, "each word stays one");
}

void check_daemon(const GitAddress& address) {
  const std::string request = remote::daemon_request(address);
  std::string_view rest = request;
  remote::PacketDecoder decoder;
  const auto packet = decoder.next(rest);
  require(packet && *packet && rest.empty(), "one packet is sent");
  const std::string_view payload = (*packet)->payload;
  require(payload.starts_with("git-upload-pack " + address.path + std::string("\0host=", 6)),
          "the path ends where it does");
  require(std::count(payload.begin(), payload.end(), '\0') == 4, "it has as many parts as meant");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Without brackets.
std::string bare(const std::string& host) {
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

/// An address has several forms, of which libcurl makes one.
bool is_number(std::string_view host) {
  return host.starts_with('[') ||
         host.find_first_not_of("0123456789abcdefx.") == std::string_view::npos;
}

void check_http(const UpstreamUrl& url) {
  const remote::HttpAccess access{url, Secret("Bearer word"), ""};
  const remote::HttpRequest request = remote::greeting_request(access);
  require(is_plain(request.url) && request.url.find(' ') == std::string::npos,
          "no control character passes");
  const auto address = remote::parse_address(request.url);
  if (!address) {
    return;  // libcurl will not go there
  }
  require(is_number(url.host()) || bare(lower(address->host)) == bare(url.host()),
          "both read the same host");
  require(address->port == (url.port().empty() ? (address->secure ? "443" : "80") : url.port()),
          "both read the same port");
  require(address->secure == (url.transport() == Transport::https), "both read the same scheme");
}

void check_match(std::string_view text, const UpstreamUrl& url) {
  const auto match = CredentialMatch::parse(text);
  if (!match || !match->covers(url)) {
    return;
  }
  require(match->speaks(url.transport()), "a credential is for a transport");
  require(lower(std::string(text)).find(url.host()) != std::string::npos,
          "a credential covers the host that it names");
  require(url.path().find("/../") == std::string::npos, "a credential covers nothing beside");
}

void check(const UpstreamUrl& url) {
  require(is_plain(url.text()) && is_plain(url.path()) && is_plain(url.host()),
          "no control character passes");
  const auto again = UpstreamUrl::parse(url.text());
  require(again && again->text() == url.text() && again->host_key() == url.host_key() &&
              again->identity() == url.identity() && again->transport() == url.transport(),
          "parsed again it is the same");
  if (url.transport() == Transport::http || url.transport() == Transport::https) {
    require(again->user().empty(), "a user in front of a host is left out");
    check_http(url);
    return;
  }
  require(*again == url, "and all of it");
  const auto address = remote::git_address(url);
  if (!address) {
    require(address.error().error_class == ErrorClass::config, "a URL is to be mended by people");
    return;
  }
  for (const std::string& part : {address->user, address->host, address->port, address->path}) {
    require(is_plain(part) && !part.starts_with('-'),
            "no part is an option or a control character");
  }
  require(!address->path.empty(), "there is a path");
  if (url.transport() == Transport::ssh) {
    check_ssh(url, *address);
  } else if (url.transport() == Transport::git) {
    check_daemon(*address);
  } else {
    require(address->path.starts_with('/'), "a local path is absolute");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  const auto url = freshet::UpstreamUrl::parse(input.line());
  const std::string_view match = input.line();
  if (url) {
    check(*url);
    check_match(match, *url);
  }
  return 0;
}
