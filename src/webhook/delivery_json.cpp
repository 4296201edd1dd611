#include "webhook/delivery_json.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace freshet::webhook {
namespace {

/// In the order of Delivery::Kind.
constexpr std::array<std::string_view, 4> kKinds{"ping", "refs_changed", "repository_changed",
                                                 "ignored"};

Json to_json(const std::vector<std::string>& texts) {
  return Json::Array(texts.begin(), texts.end());
}

Json to_json(const Identity& identity) {
  return Json::object(
      {{"urls", to_json(identity.urls)}, {"full_names", to_json(identity.full_names)}});
}

Json hex_of(const std::optional<ObjectId>& id) {
  return id ? Json(id->hex()) : Json();
}

std::vector<std::string> texts_of(const Json& json) {
  std::vector<std::string> texts;
  for (const Json& item : json.items()) {
    texts.push_back(item.text());
  }
  return texts;
}

Identity identity_of(const Json& json) {
  return {texts_of(json["urls"]), texts_of(json["full_names"])};
}

}  // namespace

Json to_json(const Delivery& delivery) {
  Json changes = Json::array();
  for (const RefChange& change : delivery.changes) {
    changes.push(Json::object({{"ref", change.ref.text()},
                               {"before", hex_of(change.before)},
                               {"after", hex_of(change.after)}}));
  }
  return Json::object(
      {{"kind", kKinds.at(static_cast<std::size_t>(delivery.kind))},
       {"reason", delivery.reason},
       {"repository", to_json(delivery.repository)},
       {"former", to_json(delivery.former)},
       {"default_branch", delivery.default_branch ? Json(delivery.default_branch->text()) : Json()},
       {"changes", std::move(changes)}});
}

Result<Delivery> delivery_from_json(const Json& json) {
  const auto kind = std::find(kKinds.begin(), kKinds.end(), json["kind"].text());
  if (kind == kKinds.end()) {
    return fail(ErrorClass::protocol, "kind: not one of a delivery");
  }
  Delivery delivery;
  delivery.kind = static_cast<Delivery::Kind>(kind - kKinds.begin());
  delivery.reason = json["reason"].text();
  delivery.repository = identity_of(json["repository"]);
  delivery.former = identity_of(json["former"]);
  delivery.default_branch = parse_ref(json["default_branch"].text());
  for (const Json& change : json["changes"].items()) {
    const auto ref = parse_ref(change["ref"].text());
    if (!ref) {
      return fail(ErrorClass::protocol, "ref: not a full ref name");
    }
    delivery.changes.push_back(
        {*ref, ObjectId::parse(change["before"].text()), ObjectId::parse(change["after"].text())});
  }
  return delivery;
}

}  // namespace freshet::webhook
