#include "app/replay.h"

#include "webhook/delivery_json.h"

namespace freshet::app {

Result<Json> replay(webhook::Intake& intake, const state::DeliveryRow& delivery,
                    const Json& content) {
  const auto said = webhook::delivery_from_json(content);
  if (!said) {
    return fail(ErrorClass::config,
                "what is kept of the delivery cannot be read any more; let the "
                "forge deliver it again");
  }
  std::optional<RepositoryName> route;
  if (!delivery.route.empty()) {
    route = RepositoryName(delivery.route);
  }
  const webhook::DeliveryRecord record =
      intake.run_again(delivery.forge, route, delivery.id, *said);
  if (record.verdict == webhook::Verdict::unavailable) {
    return fail(ErrorClass::internal, "the replay could not be recorded; try it again");
  }
  Json repositories = Json::array();
  for (const auto& refreshed : record.refreshed) {
    repositories.push(refreshed.repository.text());
  }
  return Json::object({{"delivery", delivery.number},
                       {"id", delivery.id.empty() ? Json() : Json(delivery.id)},
                       {"verdict", to_string(record.verdict)},
                       {"reason", record.reason.empty() ? Json() : Json(record.reason)},
                       {"repositories", std::move(repositories)}});
}

}  // namespace freshet::app
