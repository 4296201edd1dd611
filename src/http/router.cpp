#include "http/router.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "http/answer.h"

namespace freshet::http {
namespace {

/// Of a path that has no empty segment inside.
bool are_segments(std::string_view value) {
  return !value.empty() && value.front() != '/' && value.back() != '/';
}

/// Fits what follows a literal. Of several ways the one with the longest first values counts.
bool fit_values(const std::vector<std::string>& literals, std::size_t next, std::string_view rest,
                PathValues& values) {
  const std::string& literal = literals[next];
  if (next + 1 == literals.size()) {
    if (!rest.ends_with(literal) || !are_segments(rest.substr(0, rest.size() - literal.size()))) {
      return false;
    }
    values.emplace_back(rest.substr(0, rest.size() - literal.size()));
    return true;
  }
  for (std::size_t at = rest.rfind(literal); at != std::string_view::npos && at > 0;
       at = rest.rfind(literal, at - 1)) {
    if (are_segments(rest.substr(0, at))) {
      values.emplace_back(rest.substr(0, at));
      if (fit_values(literals, next + 1, rest.substr(at + literal.size()), values)) {
        return true;
      }
      values.pop_back();
    }
  }
  return false;
}

}  // namespace

Router::Router(std::vector<Route> routes, Guard guard)
    : routes_(std::move(routes)), guard_(std::move(guard)) {
  for (const Route& route : routes_) {
    patterns_.push_back(compile(route.pattern));
  }
}

Router::Pattern Router::compile(std::string_view pattern) {
  const auto malformed = [&] {
    return std::invalid_argument("malformed route pattern: " + std::string(pattern));
  };
  if (!pattern.starts_with('/')) {
    throw malformed();
  }
  Pattern compiled;
  for (std::string_view rest = pattern;;) {
    const std::size_t open = rest.find('{');
    compiled.literals.emplace_back(rest.substr(0, open));
    if (open == std::string_view::npos) {
      return compiled;
    }
    const std::size_t close = rest.find('}', open);
    // A name is whole segments.
    if (close == std::string_view::npos || !compiled.literals.back().ends_with('/') ||
        (close + 1 < rest.size() && rest[close + 1] != '/')) {
      throw malformed();
    }
    rest.remove_prefix(close + 1);
  }
}

bool Router::fits(const Pattern& pattern, std::string_view path, PathValues& values) {
  const std::string& first = pattern.literals.front();
  if (pattern.literals.size() == 1) {
    return path == first;
  }
  return path.starts_with(first) && path.find("//") == std::string_view::npos &&
         fit_values(pattern.literals, 1, path.substr(first.size()), values);
}

Router::Match Router::match(std::string_view path) const {
  Match match;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (fits(patterns_[i], path, match.values)) {
      match.route = &routes_[i];
      break;
    }
  }
  return match;
}

const Endpoint* Router::endpoint(const Route& route, std::string_view method) {
  const auto found =
      std::find_if(route.endpoints.begin(), route.endpoints.end(),
                   [&](const Endpoint& endpoint) { return endpoint.method == method; });
  return found == route.endpoints.end() ? nullptr : &*found;
}

Response Router::method_not_allowed(const Route& route) {
  Response response =
      error_response(405, "method_not_allowed", "this method does not work on this route");
  std::string allow;
  for (const Endpoint& endpoint : route.endpoints) {
    allow += (allow.empty() ? "" : ", ") + endpoint.method;
    if (endpoint.method == "GET") {
      allow += ", HEAD";
    }
  }
  response.headers.emplace_back("Allow", allow);
  return response;
}

std::optional<Response> Router::before_body(const Request& head) {
  if (guard_) {
    if (auto answer = guard_(head)) {
      return answer;
    }
  }
  const Match match = this->match(head.path);
  if (match.route == nullptr) {
    return not_found_response();
  }
  if (match.route->guard) {
    if (auto answer = match.route->guard(head)) {
      return answer;
    }
  }
  const Endpoint* endpoint = this->endpoint(*match.route, head.method);
  if (endpoint == nullptr) {
    return method_not_allowed(*match.route);
  }
  return endpoint->before_body ? endpoint->before_body(head) : std::nullopt;
}

const BodyPolicy& Router::body_policy(const Request& head) const {
  static const BodyPolicy kAny;
  const Match match = this->match(head.path);
  const Endpoint* endpoint = match.route ? this->endpoint(*match.route, head.method) : nullptr;
  return endpoint ? endpoint->body : kAny;
}

std::shared_ptr<BodyTap> Router::tap_body(const Request& head) {
  const Match match = this->match(head.path);
  const Endpoint* endpoint =
      match.route != nullptr ? Router::endpoint(*match.route, head.method) : nullptr;
  return endpoint != nullptr && endpoint->tap ? endpoint->tap(head, match.values) : nullptr;
}

Response Router::respond(const Request& request) {
  const Match match = this->match(request.path);
  const Endpoint* endpoint = match.route ? this->endpoint(*match.route, request.method) : nullptr;
  return endpoint ? endpoint->respond(request, match.values) : not_found_response();
}

}  // namespace freshet::http
