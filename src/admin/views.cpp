#include "admin/views.h"

#include <cmath>

namespace freshet::admin {
namespace {

Json in_seconds(state::Seconds time) {
  return Json(std::round(time.count() * 1000) / 1000);
}

Json view(const state::Failure& failure) {
  return Json::object({{"class", to_string(failure.error.error_class)},
                       {"message", failure.error.message},
                       {"advice", advice_for(failure.error)},
                       {"since", to_rfc3339(failure.since)},
                       {"attempts", failure.attempts}});
}

Json webhook_of(const state::RepositoryState& state, Json secrets) {
  return Json::object({{"last_delivery", time_or_null(state.last_delivery)},
                       {"missed", state.missed_deliveries},
                       {"announce_to_publish", admin::view(state.announce_to_publish)},
                       {"secrets", std::move(secrets)}});
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

/// As the ledger keeps it: the class is a word, perhaps of another version.
Json error_view(const std::string& error_class, const std::string& message) {
  const auto known = parse_error_class(error_class);
  return Json::object({{"class", error_class},
                       {"message", message},
                       {"advice", known ? Json(traits(*known).advice) : Json()}});
}

/// What is known of a delivery when it comes: an entry, or its row in the ledger.
template <class Delivery>
void add_delivery(Json& json, const Delivery& delivery) {
  json.set("id", text_or_null(delivery.id));
  json.set("at", to_rfc3339(delivery.at));
  json.set("forge", text_or_null(delivery.forge));
  json.set("event", text_or_null(delivery.event));
  json.set("route", text_or_null(delivery.route));
  json.set("verdict", delivery.verdict);
  json.set("reason", text_or_null(delivery.reason));
  json.set("secret", text_or_null(delivery.secret));
  json.set("client", text_or_null(delivery.client));
  json.set("times", delivery.times);
}

}  // namespace

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

Json view(const state::RecentTimes& times) {
  if (!times.last()) {
    return {};
  }
  return Json::object({{"last", in_seconds(*times.last())},
                       {"worst", in_seconds(times.worst())},
                       {"count", times.count()}});
}

Json view(const SecretUse& secret) {
  return Json::object({{"file", secret.file}, {"last_use", time_or_null(secret.last_use)}});
}

Json view(const state::DeliveredRefresh& refresh) {
  Json error;
  if (refresh.error) {
    error = error_view(refresh.error_class.value_or(""), *refresh.error);
  }
  const auto& time = refresh.announce_to_publish;
  return Json::object(
      {{"repository", refresh.repository},
       {"result", refresh.result},
       {"error", std::move(error)},
       {"started", time_or_null(refresh.started)},
       {"ended", time_or_null(refresh.ended)},
       {"announce_to_publish_seconds", time ? in_seconds(state::Seconds(*time)) : Json()}});
}

Json result_of(const state::DeliveryRow& delivery) {
  for (const char* result : {"failed", "waiting", "updated", "unchanged"}) {
    for (const state::DeliveredRefresh& refresh : delivery.refreshes) {
      if (refresh.result == result) {
        return result;
      }
    }
  }
  return {};
}

Json view(const state::DeliveryEntry& delivery) {
  Json json = Json::object({});
  add_delivery(json, delivery);
  Json repositories = Json::array();
  for (const RepositoryName& name : delivery.repositories) {
    repositories.push(name.text());
  }
  json.set("repositories", std::move(repositories));
  return json;
}

Json view(const state::RefreshRow& refresh) {
  Json error;
  if (refresh.error_class) {
    error = error_view(*refresh.error_class, refresh.error);
  }
  return Json::object({{"number", refresh.number},
                       {"started", to_rfc3339(refresh.started)},
                       {"ended", to_rfc3339(refresh.ended)},
                       {"trigger", refresh.cause},
                       {"result", refresh.result},
                       {"error", std::move(error)},
                       {"lagging", refresh.lagging},
                       {"published_at", time_or_null(refresh.published_at)},
                       {"times", refresh.times}});
}

Json view(const state::DeliveryRow& delivery) {
  Json json = Json::object({{"number", delivery.number}});
  add_delivery(json, delivery);
  json.set("repositories", Json::Array(delivery.repositories.begin(), delivery.repositories.end()));
  json.set("result", result_of(delivery));
  json.set("refreshes", views(delivery.refreshes));
  json.set("replayable", delivery.authentic && delivery.has_content);
  return json;
}

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

Json view(const state::RepositoryState& state, const std::vector<SecretUse>& secrets) {
  return Json::object({{"name", state.name.text()},
                       {"url", state.url},
                       {"state", to_string(state.condition())},
                       {"paused_since", time_or_null(state.paused_since)},
                       {"last_success", time_or_null(state.last_success)},
                       {"last_change", time_or_null(state.last_change)},
                       {"last_error", state.failure ? view(*state.failure) : Json()},
                       {"next_poll", time_or_null(state.next_poll)},
                       {"webhook", webhook_of(state, views(secrets))},
                       {"checkouts", views(state.checkouts)}});
}

http::Response json_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response json_response(int status, const Json& body) {
  return json_response(status, body.dump());
}

http::Response error_response(int status, std::string_view code, std::string_view message) {
  return json_response(
      status, Json::object({{"error", Json::object({{"code", code}, {"message", message}})}}));
}

http::Response unknown_repository(const RepositoryName& name) {
  return error_response(404, "not_found", "no repository is called " + name.text());
}

http::Response unavailable(const Error& error) {
  return error_response(503, to_string(error.error_class), error.message);
}

http::Response error_response(const Error& error) {
  return json_response(traits(error.error_class).http_status,
                       Json::object({{"error", Json::object({{"code", to_string(error.error_class)},
                                                             {"message", error.message},
                                                             {"advice", advice_for(error)}})}}));
}

}  // namespace freshet::admin
