#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"
#include "admin/deliveries.h"
#include "admin/events.h"
#include "app/engine.h"
#include "app/intake_world.h"
#include "app/observation.h"
#include "http/router.h"
#include "http/server.h"
#include "webhook/intake.h"

namespace freshet::app {

// The routes of both listeners, put together from the stages that answer them.

std::vector<http::Route> public_routes(webhook::Intake& intake, Engine& engine);
std::vector<http::Route> admin_routes(admin::Api& api, admin::Deliveries& deliveries,
                                      admin::Events& events, Engine& engine,
                                      const Observation& observation);

/// The guard over everything on the admin listener: Host, Origin and, when there is one, the token,
/// by the configuration in force.
http::Guard admin_guard(const CatalogueHolder& catalogue);

http::Options public_options(const config::Server& settings);
/// What of it changes at a reload.
http::Limits public_limits(const config::Server& settings);
/// Whether certificate and key, if there are any, can be used. Failure: config.
Result<void> check_certificate(const config::Server& settings);
/// Whether the token, if one is wanted, can be read. Failure: nobody could ask on that side any
/// more.
Result<void> check_token(const config::Admin& settings);
http::Options admin_options(const config::Admin& settings);

}  // namespace freshet::app
