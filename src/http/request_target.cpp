#include "http/request_target.h"

#include <strings.h>

#include <algorithm>
#include <optional>

namespace freshet::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return std::nullopt;
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool parse_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = decode(pair.substr(0, equals), true);
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!key || !value) {
      return false;
    }
    request.query.emplace_back(*std::move(key), *std::move(value));
  }
  return true;
}

/// Takes "http://host" off the front; false when it names another host than the Host field.
bool strip_authority(std::string_view& target, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() >= scheme.size() &&
        strncasecmp(target.data(), scheme.data(), scheme.size()) == 0) {
      target.remove_prefix(scheme.size());
      const std::string_view authority = target.substr(0, target.find_first_of("/?"));
      target.remove_prefix(authority.size());
      return authority.size() == host.size() &&
             strncasecmp(authority.data(), host.data(), host.size()) == 0;
    }
  }
  return true;
}

}  // namespace

bool parse_target(std::string_view target, std::string_view host, Request& request) {
  const bool allowed = std::all_of(target.begin(), target.end(), [](unsigned char c) {
    return c > 0x20 && c != 0x7f && c != '#';
  });
  if (!allowed || target.empty()) {
    return false;
  }
  if (target == "*") {
    request.path = std::string(target);
    return true;
  }
  if (target.front() != '/') {
    const std::size_t before = target.size();
    if (!strip_authority(target, host) || target.size() == before) {
      return false;
    }
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  auto path = decode(target.substr(0, question), false);
  if (!path) {
    return false;
  }
  if (path->empty()) {
    path->push_back('/');
  }
  request.path = *std::move(path);
  return parse_query(target.substr(std::min(question + 1, target.size())), request);
}

}  // namespace freshet::http
