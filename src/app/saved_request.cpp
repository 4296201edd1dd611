#include "app/saved_request.h"

#include <algorithm>
#include <optional>

namespace freshet::app {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  const auto end = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

/// "POST /api/v1/webhooks/github HTTP/1.1"; nullopt: it is something else.
std::optional<std::string> path_of(std::string_view line) {
  const auto begin = line.find(' ');
  const auto end = line.rfind(" HTTP/");
  if (begin == std::string_view::npos || end == std::string_view::npos || end <= begin) {
    return std::nullopt;
  }
  const std::string_view method = line.substr(0, begin);
  const std::string_view target = trimmed(line.substr(begin, end - begin));
  const std::string_view path = target.substr(0, target.find('?'));
  const bool is_request =
      !method.empty() && !path.empty() &&
      std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_request ? std::optional(std::string(path)) : std::nullopt;
}

/// Takes the next line, without its end, off the front of `text`; nullopt: there is no whole one.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

Result<std::pair<std::string, std::string>> read_header(std::string_view line) {
  const auto colon = line.find(':');
  const std::string_view name = trimmed(line.substr(0, colon));
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ' ';
  });
  if (colon == std::string_view::npos || name.empty() || !plain) {
    return fail(ErrorClass::config, "expected a header such as \"X-GitHub-Event: push\", not \"" +
                                        std::string(line.substr(0, 100)) + "\"");
  }
  return std::pair(std::string(name), std::string(trimmed(line.substr(colon + 1))));
}

SavedRequest read_saved_request(std::string_view content) {
  SavedRequest request;
  std::string_view rest = content;
  for (bool first = true;; first = false) {
    const auto line = take_line(rest);
    if (line && line->empty() && !first) {
      request.body = rest;
      return request;
    }
    const auto path = line && first ? path_of(*line) : std::nullopt;
    if (path) {
      request.path = *path;
      continue;
    }
    auto header = line ? read_header(*line) : fail(ErrorClass::config, "");
    if (!header) {
      return {"", {}, std::string(content)};
    }
    request.headers.add(std::move(header->first), std::move(header->second));
  }
}

}  // namespace freshet::app
