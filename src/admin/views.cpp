#include "admin/views.h"

namespace freshet::admin {
namespace {

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

Json view(const state::Failure& failure) {
  return Json::object({{"class", to_string(failure.error.error_class)},
                       {"message", failure.error.message},
                       {"since", to_rfc3339(failure.since)},
                       {"attempts", failure.attempts}});
}

}  // namespace

Json view(const CheckoutStatus& checkout) {
  const Json::Array unsupported(checkout.unsupported.begin(), checkout.unsupported.end());
  return Json::object({{"path", checkout.path},
                       {"ref", checkout.ref},
                       {"mode", checkout.mode},
                       {"commit", checkout.commit ? Json(checkout.commit->hex()) : Json()},
                       {"published_at", time_or_null(checkout.published_at)},
                       {"state", to_string(checkout.state)},
                       {"unsupported", unsupported}});
}

Json view(const state::RepositoryState& state) {
  Json checkouts = Json::array();
  for (const CheckoutStatus& checkout : state.checkouts) {
    checkouts.push(view(checkout));
  }
  return Json::object(
      {{"name", state.name.text()},
       {"url", state.url},
       {"state", to_string(state.condition())},
       {"last_success", time_or_null(state.last_success)},
       {"last_change", time_or_null(state.last_change)},
       {"last_error", state.failure ? view(*state.failure) : Json()},
       {"next_poll", time_or_null(state.next_poll)},
       {"webhook", Json::object({{"last_delivery", time_or_null(state.last_delivery)},
                                 {"missed", state.missed_deliveries}})},
       {"checkouts", std::move(checkouts)}});
}

http::Response json_response(int status, const Json& body) {
  http::Response response;
  response.status = status;
  response.body = body.dump();
  return response;
}

http::Response error_response(int status, std::string_view code, std::string_view message) {
  return json_response(
      status, Json::object({{"error", Json::object({{"code", code}, {"message", message}})}}));
}

http::Response error_response(const Error& error) {
  return error_response(traits(error.error_class).http_status, to_string(error.error_class),
                        error.message);
}

}  // namespace freshet::admin
