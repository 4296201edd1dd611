#include "http/client_address.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace freshet::http {
namespace {

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

/// Of all fields, in the order they were added.
std::vector<std::string_view> forwarded_for(const Headers& headers) {
  std::vector<std::string_view> entries;
  for (std::string_view rest : headers.find_all("X-Forwarded-For")) {
    for (;;) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      entries.push_back(trim(rest.substr(0, comma)));
      if (comma == rest.size()) {
        break;
      }
      rest.remove_prefix(comma + 1);
    }
  }
  return entries;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "192.0.2.1", "192.0.2.1:55", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:55".
std::optional<IpAddress> parse_entry(std::string_view entry) {
  if (entry.starts_with('[')) {
    const std::size_t close = entry.find(']');
    if (close == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view port = entry.substr(close + 1);
    if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) {
      return std::nullopt;
    }
    return IpAddress::parse(entry.substr(1, close - 1));
  }
  const std::size_t colon = entry.find(':');
  const bool has_port = colon != std::string_view::npos && entry.rfind(':') == colon;
  if (has_port && !is_port(entry.substr(colon + 1))) {
    return std::nullopt;
  }
  return IpAddress::parse(has_port ? entry.substr(0, colon) : entry);
}

}  // namespace

std::string client_address(std::string_view peer, const Headers& headers,
                           const AddressRanges& trusted_proxies) {
  std::string client(peer);
  if (!peer.empty() && !trusted_proxies.contains(peer)) {
    return client;
  }
  const std::vector<std::string_view> entries = forwarded_for(headers);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto address = parse_entry(*entry);
    if (!address) {
      break;
    }
    client = address->text();
    if (!trusted_proxies.contains(*address)) {
      break;
    }
  }
  return client;
}

}  // namespace freshet::http
