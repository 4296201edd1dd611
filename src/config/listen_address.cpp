#include "config/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace freshet::config {
namespace {

constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

/// Decimal digits only, at most `limit`.
std::optional<unsigned> parse_number(std::string_view text, unsigned limit) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) {
    return std::nullopt;
  }
  return value;
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, 16> address{};
  return ::inet_pton(family, text.c_str(), address.data()) == 1;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<ListenAddress> parse_socket(std::string_view path) {
  if (!path.starts_with('/') || path.ends_with('/') || has_control_character(path)) {
    return fail(ErrorClass::config, "expected an absolute path after \"unix:\"");
  }
  if (path.size() > kLongestSocketPath) {
    return fail(ErrorClass::config,
                fmt::format("the path of a unix socket has at most {} bytes", kLongestSocketPath));
  }
  return ListenAddress{"", 0, std::string(path)};
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    return parse_socket(text.substr(5));
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(ErrorClass::config,
                "expected HOST:PORT such as \"127.0.0.1:8480\", or \"unix:/path\"");
  }
  const auto number = parse_number(text.substr(colon + 1), 65535);
  if (!number) {
    return fail(ErrorClass::config, "expected a port from 0 (any free port) to 65535");
  }
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!is_address(AF_INET6, host)) {
      return fail(ErrorClass::config, "expected an IPv6 address between the brackets");
    }
  } else if (host.find(':') != std::string::npos) {
    return fail(ErrorClass::config, "an IPv6 address stands in brackets: \"[::1]:8480\"");
  } else if (host.empty()) {
    return fail(ErrorClass::config, "no host before the port; all addresses are \"0.0.0.0:PORT\"");
  } else if (!is_host_name(host)) {
    return fail(ErrorClass::config, "expected an IP address or a host name before the port");
  }
  return ListenAddress{std::move(host), static_cast<std::uint16_t>(*number), ""};
}

bool ListenAddress::is_local() const {
  if (is_unix() || host == "localhost") {
    return true;
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  // Through inet_pton, so that the name "127.example.org" does not count.
  in_addr v4{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

std::string ListenAddress::text() const {
  if (is_unix()) {
    return "unix:" + socket_path;
  }
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(brackets ? "[{}]:{}" : "{}:{}"), host, port);
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool v6 = is_address(AF_INET6, address);
  if (has_control_character(text) || (!v6 && !is_address(AF_INET, address))) {
    return false;
  }
  return slash == std::string_view::npos ||
         parse_number(text.substr(slash + 1), v6 ? 128 : 32).has_value();
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && !text.starts_with('-') && !text.starts_with('.') &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
         });
}

}  // namespace freshet::config
