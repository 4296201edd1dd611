#include "app/replay.h"

#include "webhook/delivery_json.h"
#include "webhook/forge.h"

namespace freshet::app {

Result<Json> replay(webhook::Intake& intake, const state::DeliveryRow& delivery,
                    const Json& content) {
  const webhook::Forge* forge = webhook::find_forge(delivery.forge);
  auto said = webhook::delivery_from_json(content);
  if (forge == nullptr || !said) {
    return fail(ErrorClass::config,
                "what is kept of the delivery cannot be read any more; let the "
                "forge deliver it again");
  }
  webhook::DeliveryRecord record;
  record.forge = forge->name;
  record.event = delivery.event;
  record.id = delivery.id;
  record.client = "replay";
  if (!delivery.route.empty()) {
    record.route = RepositoryName(delivery.route);
  }
  record.content = std::make_shared<const webhook::Delivery>(std::move(*said));
  record = intake.run_again(std::move(record));
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
