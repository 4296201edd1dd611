#include "app/listeners.h"

#include "http/answer.h"
#include "http/guard.h"
#include "webhook/forge.h"

namespace freshet::app {
namespace {

http::ListenAddress listen_address(const config::ListenAddress& address, unsigned mode) {
  http::ListenAddress result;
  result.host = address.host;
  result.port = address.port;
  result.unix_path = address.socket_path;
  result.mode = mode;
  return result;
}

/// The NAME of a webhook path, "/api/v1/webhooks/github/NAME".
std::optional<RepositoryName> name_in(const std::string& path, const std::string& route) {
  if (path.size() <= route.size() + 1) {
    return std::nullopt;
  }
  return RepositoryName(path.substr(route.size() + 1));
}

/// Both routes of one forge.
void add_forge(std::vector<http::Route>& routes, webhook::Intake& intake,
               const std::string& forge) {
  const std::string path = "/api/v1/webhooks/" + forge;
  const auto guard = [&intake, forge, path](const http::Request& head) {
    return intake.guard(forge, name_in(head.path, path));
  };
  const auto deliver = [&intake, forge, path](const http::Request& request,
                                              const http::PathValues& /*values*/) {
    return intake.deliver(forge, name_in(request.path, path), request);
  };
  http::BodyPolicy body;
  body.media_types = {std::string(webhook::kMediaType)};
  routes.push_back({path, {{"POST", deliver, body}}, guard});
  routes.push_back({path + "/{name}", {{"POST", deliver, body}}, guard});
}

}  // namespace

std::vector<http::Route> public_routes(webhook::Intake& intake, const Engine& engine,
                                       const state::Store& store) {
  std::vector<http::Route> routes;
  for (const webhook::Forge* forge : webhook::all_forges()) {
    add_forge(routes, intake, std::string(forge->name));
  }
  routes.push_back(
      {"/healthz",
       {{"GET", [&engine](const http::Request& /*request*/, const http::PathValues& /*values*/) {
           return admin::health(engine.scheduler().makes_progress());
         }}}});
  routes.push_back(
      {"/readyz",
       {{"GET", [&store](const http::Request& request, const http::PathValues& /*values*/) {
           return admin::readiness(store, request, wall_now());
         }}}});
  return routes;
}

std::vector<http::Route> admin_routes(admin::Api& api) {
  using http::PathValues;
  using http::Request;
  return {
      {"/api/v1/repositories",
       {{"GET", [&api](const Request&, const PathValues&) { return api.list(); }}}},
      {"/api/v1/repositories/{name}/refresh",
       {{"POST",
         [&api](const Request& request, const PathValues& values) {
           return api.refresh(RepositoryName(values[0]), request);
         }}}},
      {"/api/v1/repositories/{name}",
       {{"GET", [&api](const Request&,
                       const PathValues& values) { return api.show(RepositoryName(values[0])); }}}},
      {"/api/v1/refresh",
       {{"POST", [&api](const Request&, const PathValues&) { return api.refresh_all(); }}}},
  };
}

http::Guard admin_guard(const config::Admin& settings) {
  return [origin = http::OriginGuard(settings.hosts), token_file = settings.token_file](
             const http::Request& head) -> std::optional<http::Response> {
    if (auto refused = origin(head)) {
      return refused;
    }
    if (token_file.empty()) {
      return std::nullopt;
    }
    return http::check_token(head, [&] { return read_secret(token_file); });
  };
}

http::Options public_options(const config::Server& settings) {
  http::Options options;
  options.listen = listen_address(settings.listen, 0666);
  options.max_body = settings.max_body;
  options.connections_per_address = settings.connections_per_address;
  options.body_memory = std::make_shared<http::MemoryBudget>(settings.body_memory);
  return options;
}

http::Options admin_options(const config::Admin& settings) {
  constexpr std::size_t kBody = 1024 * 1024;
  http::Options options;
  options.listen = listen_address(settings.listen, settings.socket_mode);
  options.max_body = kBody;
  options.body_memory = std::make_shared<http::MemoryBudget>(64 * kBody);
  // However many wait for a result, somebody is left to answer the others.
  options.workers = admin::Api::kMostWaiting + 8;
  return options;
}

}  // namespace freshet::app
