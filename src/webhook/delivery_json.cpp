#include "webhook/delivery_json.h"

#include <algorithm>
#include <array>
#include <utility>

namespace freshet::webhook {
namespace {

constexpr std::size_t kMostBytes = 4096;  ///< of all texts; names and punctuation come on top
constexpr std::size_t kMostOfNames = kMostBytes / 2;
constexpr std::size_t kMostChanges = 32;

constexpr std::array<std::pair<Delivery::Kind, std::string_view>, 4> kKinds{{
    {Delivery::Kind::ping, "ping"},
    {Delivery::Kind::refs_changed, "refs_changed"},
    {Delivery::Kind::repository_changed, "repository_changed"},
    {Delivery::Kind::ignored, "ignored"},
}};

std::string_view name_of(Delivery::Kind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(),
                      [&](const auto& entry) { return entry.first == kind; })
      ->second;
}

/// Counts bytes against a limit.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(bytes) {}
  bool take(std::size_t bytes) {
    if (bytes > left_) {
      return false;
    }
    left_ -= bytes;
    return true;
  }

 private:
  std::size_t left_;
};

Json list(const std::vector<std::string>& texts, Budget& budget) {
  Json result = Json::array();
  for (const std::string& text : texts) {
    if (budget.take(text.size())) {
      result.push(text);
    }
  }
  return result;
}

Json to_json(const Identity& identity, Budget& budget) {
  return Json::object({{"urls", list(identity.urls, budget)},
                       {"full_names", list(identity.full_names, budget)},
                       {"own_names", list(identity.own_names, budget)}});
}

Json to_json(const std::optional<ObjectId>& id) {
  return id ? Json(id->hex()) : Json();
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> result;
  for (const Json& text : list.items()) {
    result.push_back(text.text());
  }
  return result;
}

Identity identity_from(const Json& json) {
  return {texts(json["urls"]), texts(json["full_names"]), texts(json["own_names"])};
}

tl::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorClass::corrupt, "a recorded delivery: " + std::string(what));
}

}  // namespace

Json to_json(const Delivery& delivery) {
  Budget names(kMostOfNames);
  Budget rest(kMostBytes - kMostOfNames);
  Json changes = Json::array();
  bool complete = true;
  for (const RefChange& change : delivery.changes) {
    complete =
        complete && changes.items().size() < kMostChanges && rest.take(change.ref.text().size());
    if (complete) {
      changes.push(Json::object({{"ref", change.ref.text()},
                                 {"before", to_json(change.before)},
                                 {"after", to_json(change.after)}}));
    }
  }
  Json json = Json::object();
  json.set("kind", name_of(complete ? delivery.kind : Delivery::Kind::repository_changed));
  json.set("reason", rest.take(delivery.reason.size()) ? delivery.reason : "");
  json.set("repository", to_json(delivery.repository, names));
  json.set("former", to_json(delivery.former, names));
  const bool branch_fits =
      delivery.default_branch && rest.take(delivery.default_branch->text().size());
  json.set("default_branch", branch_fits ? Json(delivery.default_branch->text()) : Json());
  json.set("changes", std::move(changes));
  return json;
}

Result<Delivery> delivery_from_json(const Json& json) {
  Delivery delivery;
  const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) {
    return entry.second == json["kind"].text();
  });
  if (kind == kKinds.end()) {
    return corrupt("its kind is unknown");
  }
  delivery.kind = kind->first;
  delivery.reason = json["reason"].text();
  delivery.repository = identity_from(json["repository"]);
  delivery.former = identity_from(json["former"]);
  delivery.default_branch = parse_ref(json["default_branch"].text());
  for (const Json& item : json["changes"].items()) {
    auto ref = parse_ref(item["ref"].text());
    const auto before = object_id(item, "before");
    const auto after = object_id(item, "after");
    if (!ref || !before || !after) {
      return corrupt("a change in it is unreadable");
    }
    delivery.changes.push_back({std::move(*ref), *before, *after});
  }
  return delivery;
}

}  // namespace freshet::webhook
