#include "app/listeners.h"

#include "admin/api_description.h"
#include "admin/refreshes.h"
#include "admin/status_page.h"
#include "http/answer.h"
#include "http/guard.h"
#include "http/tls_certificates.h"
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
void add_forge(std::vector<http::Route>& routes, webhook::Intake& intake, metrics::Meters& meters,
               const std::string& forge) {
  const std::string path = "/api/v1/webhooks/" + forge;
  const auto guard = [&intake, forge, path](const http::Request& head) {
    return intake.guard(forge, name_in(head.path, path));
  };
  const auto deliver = [&intake, &meters, forge, path](const http::Request& request,
                                                       const http::PathValues& /*values*/) {
    const Instant begin = now();
    http::Response response = intake.deliver(forge, name_in(request.path, path), request);
    meters.delivery_answered(now() - begin);
    return response;
  };
  const auto tap = [&intake, forge, path](const http::Request& head,
                                          const http::PathValues& /*values*/) {
    return intake.begin(forge, name_in(head.path, path), head);
  };
  http::BodyPolicy body;
  body.media_types = {std::string(webhook::kMediaType)};
  const http::Endpoint post{"POST", deliver, body, {}, tap};
  routes.push_back({path, {post}, guard});
  routes.push_back({path + "/{name}", {post}, guard});
}

std::optional<http::TlsFiles> tls_files(const config::Server& settings) {
  return settings.tls_cert.empty()
             ? std::nullopt
             : std::optional(http::TlsFiles{settings.tls_cert, settings.tls_key});
}

http::Response metrics_page(const Observation& observation) {
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = observation.metrics();
  return response;
}

}  // namespace

std::vector<http::Route> public_routes(webhook::Intake& intake, Engine& engine) {
  std::vector<http::Route> routes;
  for (const webhook::Forge* forge : webhook::all_forges()) {
    add_forge(routes, intake, engine.meters(), std::string(forge->name));
  }
  routes.push_back(
      {"/healthz",
       {{"GET", [&engine](const http::Request& /*request*/, const http::PathValues& /*values*/) {
           return admin::health(engine.scheduler().makes_progress());
         }}}});
  routes.push_back(
      {"/readyz",
       {{"GET", [&engine](const http::Request& request, const http::PathValues& /*values*/) {
           return admin::readiness(engine.store(), request, wall_now());
         }}}});
  return routes;
}

std::vector<http::Route> admin_routes(admin::Api& api, admin::Deliveries& deliveries,
                                      admin::Events& events, Engine& engine,
                                      const Observation& observation) {
  using http::PathValues;
  using http::Request;
  return {
      {"/",
       {{"GET", [page = std::make_shared<const admin::StatusPage>()](
                    const Request&, const PathValues&) { return page->show(); }}}},
      {"/api/v1/repositories",
       {{"GET", [&api](const Request&, const PathValues&) { return api.list(); }}}},
      {"/api/v1/repositories/{name}/refresh",
       {{"POST",
         [&api](const Request& request, const PathValues& values) {
           return api.refresh(RepositoryName(values[0]), request);
         }}}},
      {"/api/v1/repositories/{name}/ensure",
       {{"POST",
         [&api](const Request& request, const PathValues& values) {
           return api.ensure(RepositoryName(values[0]), request);
         }}}},
      {"/api/v1/repositories/{name}/pause",
       {{"POST",
         [&api](const Request&, const PathValues& values) {
           return api.pause(RepositoryName(values[0]));
         }}}},
      {"/api/v1/repositories/{name}/resume",
       {{"POST",
         [&api](const Request&, const PathValues& values) {
           return api.resume(RepositoryName(values[0]));
         }}}},
      {"/api/v1/repositories/{name}/refreshes",
       {{"GET",
         [&engine](const Request& request, const PathValues& values) {
           return admin::list_refreshes(engine.store(), engine.ledger(), RepositoryName(values[0]),
                                        request);
         }}}},
      {"/api/v1/repositories/{name}",
       {{"GET", [&api](const Request&,
                       const PathValues& values) { return api.show(RepositoryName(values[0])); }}}},
      {"/api/v1/refresh",
       {{"POST", [&api](const Request&, const PathValues&) { return api.refresh_all(); }}}},
      {"/api/v1/deliveries",
       {{"GET", [&deliveries](const Request& request,
                              const PathValues&) { return deliveries.list(request); }}}},
      {"/api/v1/deliveries/{id}/replay",
       {{"POST",
         [&deliveries](const Request&, const PathValues& values) {
           return deliveries.replay(values[0]);
         }}}},
      {"/api/v1/deliveries/{id}",
       {{"GET", [&deliveries](const Request&,
                              const PathValues& values) { return deliveries.show(values[0]); }}}},
      {"/api/v1/events",
       {{"GET",
         [&events](const Request& request, const PathValues&) { return events.open(request); }}}},
      {"/api/v1/openapi.json",
       {{"GET",
         [](const Request&, const PathValues&) {
           return admin::json_response(200, std::string(admin::api_description()));
         }}}},
      {"/metrics",
       {{"GET",
         [&observation](const Request&, const PathValues&) { return metrics_page(observation); }}}},
      {"/api/v1/status",
       {{"GET",
         [&observation](const Request&, const PathValues&) {
           return admin::json_response(200, admin::view(observation.overview()));
         }}}},
  };
}

http::Guard admin_guard(const CatalogueHolder& holder) {
  return [&holder](const http::Request& head) -> std::optional<http::Response> {
    const auto catalogue = holder.get();
    const config::Admin& settings = catalogue->settings.admin;
    if (auto refused = http::OriginGuard(settings.hosts)(head)) {
      return refused;
    }
    if (settings.token_file.empty()) {
      return std::nullopt;
    }
    return http::check_token(head, [&] { return read_secret(settings.token_file); });
  };
}

Result<void> check_token(const config::Admin& settings) {
  if (!settings.token_file.empty()) {
    const auto token = read_secret(settings.token_file);
    if (!token) {
      return fail(token.error().error_class, "admin.token_file: " + token.error().message);
    }
  }
  return {};
}

http::Options public_options(const config::Server& settings) {
  http::Options options;
  options.listen = listen_address(settings.listen, 0666);
  options.answer_at_once = true;
  options.limits = public_limits(settings);
  options.tls = tls_files(settings);
  return options;
}

Result<void> check_certificate(const config::Server& settings) {
  if (const auto files = tls_files(settings)) {
    FRESHET_CHECK(http::TlsCertificates::open(*files, now()));
  }
  return {};
}

http::Limits public_limits(const config::Server& settings) {
  http::Limits limits;
  limits.max_body = settings.max_body;
  limits.body_memory = settings.body_memory;
  limits.connections_per_address = settings.connections_per_address;
  limits.rate_limit = settings.rate_limit;
  limits.trusted_proxies = http::AddressRanges(settings.trusted_proxies);
  limits.allow = http::AddressRanges(settings.allow);
  return limits;
}

http::Options admin_options(const config::Admin& settings) {
  constexpr std::size_t kBody = std::size_t{1024} * 1024;
  http::Options options;
  options.listen = listen_address(settings.listen, settings.socket_mode);
  options.limits.max_body = kBody;
  options.limits.body_memory = 64 * kBody;
  // However many wait for a result, somebody is left to answer the others.
  options.workers = admin::Api::kMostWaiting + 8;
  return options;
}

}  // namespace freshet::app
