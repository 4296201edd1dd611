#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/application.h"

namespace freshet::http {

/// Looks at a head and may answer it. Called by many threads at once.
using Guard = std::function<std::optional<Response>(const Request& head)>;

/// What the {names} of a route's pattern stand for, in their order.
using PathValues = std::vector<std::string>;

/// One method of a route.
struct Endpoint {
  std::string method;  ///< GET answers HEAD too
  std::function<Response(const Request& request, const PathValues& values)> respond;
  BodyPolicy body = {};
  Guard before_body = {};  ///< after the route's guard
  std::function<std::shared_ptr<BodyTap>(const Request& head, const PathValues& values)> tap = {};
};

struct Route {
  /// "/api/v1/repositories/{name}/refresh": {name} is one or more segments, none of them empty.
  std::string pattern;
  std::vector<Endpoint> endpoints;
  Guard guard = {};  ///< before the method is looked at
};

/// An application made of routes. The first one whose pattern fits the whole path is the one, so
/// that the more special stand before the more general. No route: not_found_response(). A route
/// without the method: 405 with Allow.
class Router : public Application {
 public:
  /// `guard` is asked before anything else, for unknown paths too. A malformed pattern throws
  /// std::invalid_argument: it is a mistake in the program.
  explicit Router(std::vector<Route> routes, Guard guard = {});

  const std::vector<Route>& routes() const { return routes_; }

  std::optional<Response> before_body(const Request& head) override;
  const BodyPolicy& body_policy(const Request& head) const override;
  std::shared_ptr<BodyTap> tap_body(const Request& head) override;
  Response respond(const Request& request) override;

 private:
  struct Pattern {
    std::vector<std::string> literals;  ///< around the names: one more than there are names
  };
  struct Match {
    const Route* route = nullptr;
    PathValues values;
  };

  static Pattern compile(std::string_view pattern);
  static bool fits(const Pattern& pattern, std::string_view path, PathValues& values);
  Match match(std::string_view path) const;
  static const Endpoint* endpoint(const Route& route, std::string_view method);
  static Response method_not_allowed(const Route& route);

  const std::vector<Route> routes_;
  const Guard guard_;
  std::vector<Pattern> patterns_;
};

}  // namespace freshet::http
