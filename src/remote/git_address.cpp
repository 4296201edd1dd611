#include "remote/git_address.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "remote/packet_line.h"

namespace freshet::remote {
namespace {

using Transport = UpstreamUrl::Transport;

constexpr std::string_view kService = "git-upload-pack";

/// "%20" means a blank in a URL, and only there. "%00" stays, as with git.
std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* const end = text.data() + i + 3;
      const auto parsed = std::from_chars(text.data() + i + 1, end, value, 16);
      if (parsed.ptr == end && value != 0) {
        result += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    result += text[i];
  }
  return result;
}

/// The path of "scheme://authority/path", with the slash.
std::string path_behind_authority(std::string_view text) {
  const std::size_t authority = text.find("://") + 3;
  std::string path = decoded(text.substr(std::min(text.find('/', authority), text.size())));
  // "/~ann/docs" is below Ann's home.
  return path.starts_with("/~") ? path.substr(1) : path;
}

/// The path of "[user@]host:path", where the host may be "[address]" or "[host:port]".
std::string path_of_short_form(std::string_view text) {
  const std::size_t bracket = text.find('[') < text.find(':') ? text.find("]:") : 0;
  return std::string(text.substr(text.find(':', bracket) + 1));
}

/// Brackets hold an IPv6 address or, in the short form, a host with its port.
void open_brackets(GitAddress& address) {
  if (!address.host.starts_with('[')) {
    return;
  }
  address.host = address.host.substr(1, address.host.size() - 2);
  const std::size_t colon = address.host.find(':');
  if (colon != std::string::npos && address.host.find(':', colon + 1) == std::string::npos) {
    address.port = address.host.substr(colon + 1);
    address.host.resize(colon);
  }
}

bool is_harmless(std::string_view text) {
  return !text.starts_with('-') && std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return c < ' ' || c == 0x7f;
  });
}

/// One word for the shell at the other side, written as git writes it: forges read it without one.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '!') {
      result += "'\\";
      result += c;
      result += '\'';
    } else {
      result += c;
    }
  }
  return result + "'";
}

}  // namespace

Result<GitAddress> git_address(const UpstreamUrl& url) {
  const bool is_url = url.text().find("://") != std::string::npos && !url.text().starts_with('/');
  GitAddress address{is_url ? decoded(url.user()) : url.user(), url.host(), url.port(), ""};
  if (url.transport() == Transport::file) {
    address.path = is_url ? decoded(url.path()) : url.path();
  } else {
    address.path = is_url ? path_behind_authority(url.text()) : path_of_short_form(url.text());
    open_brackets(address);
  }
  if (!is_harmless(address.user) || !is_harmless(address.host) || !is_harmless(address.port) ||
      !is_harmless(address.path)) {
    return fail(ErrorClass::config,
                redact_urls(url.text()) +
                    ": the user, host or path begins with \"-\" or holds a control character");
  }
  return address;
}

std::vector<std::string> ssh_destination(const GitAddress& address) {
  std::vector<std::string> words;
  if (!address.port.empty()) {
    words.insert(words.end(), {"-p", address.port});
  }
  words.insert(words.end(),
               {"--", address.user.empty() ? address.host : address.user + "@" + address.host,
                std::string(kService) + " " + quoted(address.path)});
  return words;
}

std::string daemon_request(const GitAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  std::string payload(kService);
  payload += " " + address.path + '\0';
  payload += "host=" + (is_ipv6 ? "[" + address.host + "]" : address.host) +
             (address.port.empty() ? "" : ":" + address.port) + '\0';
  payload += '\0';
  payload += std::string("version=2") + '\0';
  std::string request;
  append_packet(request, payload);
  return request;
}

}  // namespace freshet::remote
