#include "app/explain.h"

#include "app/catalogue.h"
#include "app/saved_request.h"
#include "base/secret.h"
#include "mirror/history.h"
#include "webhook/explain.h"

namespace freshet::app {
namespace {

using webhook::Explanation;

Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

std::string_view to_string(Explanation::Signature signature) {
  switch (signature) {
    case Explanation::Signature::absent:
      return "absent";
    case Explanation::Signature::right:
      return "right";
    case Explanation::Signature::refused:
      break;
  }
  return "refused";
}

/// The forge and the name of the path that a request was sent to, where they are not given.
void read_route(const std::string& path, std::string& forge, std::string& name) {
  const std::string prefix = "/api/v1/webhooks/";
  if (!path.starts_with(prefix)) {
    return;
  }
  const std::string rest = path.substr(prefix.size());
  const auto slash = rest.find('/');
  if (forge.empty()) {
    forge = rest.substr(0, slash);
  }
  if (name.empty() && slash != std::string::npos) {
    name = rest.substr(slash + 1);
  }
}

Result<webhook::SavedDelivery> saved_delivery(const ExplainRequest& request,
                                              const Catalogue& catalogue) {
  webhook::SavedDelivery saved;
  for (const std::string& line : request.headers) {
    FRESHET_TRY(auto header, read_header(line));
    saved.headers.add(std::move(header.first), std::move(header.second));
  }
  const SavedRequest file = read_saved_request(request.content);
  const http::Headers given = saved.headers;
  for (const auto& [name, value] : file.headers.all()) {
    if (!given.find(name)) {
      saved.headers.add(name, value);
    }
  }
  saved.body = file.body;
  std::string forge = request.forge;
  std::string name = request.name;
  read_route(file.path, forge, name);
  if (!forge.empty()) {
    saved.forge = webhook::find_forge(forge);
    if (saved.forge == nullptr) {
      std::string known;
      for (const webhook::Forge* one : webhook::all_forges()) {
        known += (known.empty() ? "" : ", ") + std::string(one->name);
      }
      return fail(ErrorClass::config, "no forge is called " + forge + "; known are " + known);
    }
  }
  if (!name.empty()) {
    saved.route = RepositoryName(name);
    if (catalogue.index->find(*saved.route) == nullptr) {
      return fail(ErrorClass::config, "no repository is called " + name);
    }
  }
  return saved;
}

webhook::RouteSecrets read_secrets(const Catalogue& catalogue,
                                   const std::optional<RepositoryName>& route, Json& unreadable) {
  webhook::RouteSecrets secrets;
  for (const std::string& location : catalogue.secret_files(route)) {
    auto secret = read_secret(location);
    if (!secret) {
      unreadable.push(
          Json::object({{"file", location}, {"message", std::move(secret.error().message)}}));
    }
    secrets.locations.push_back(location);
    secrets.secrets.push_back(secret ? std::move(*secret) : Secret());
  }
  return secrets;
}

Json changes_of(const Explanation& found) {
  const auto hex = [](const std::optional<ObjectId>& id) { return id ? Json(id->hex()) : Json(); };
  Json changes = Json::array();
  if (found.content) {
    for (const webhook::RefChange& change : found.content->changes) {
      changes.push(Json::object({{"ref", change.ref.text()},
                                 {"before", hex(change.before)},
                                 {"after", hex(change.after)}}));
    }
  }
  return changes;
}

Json view(const Explanation& found, const std::optional<RepositoryName>& route, Json unreadable) {
  Json repositories = Json::array();
  for (const Explanation::Repository& repository : found.repositories) {
    repositories.push(Json::object({{"name", repository.name.text()},
                                    {"refreshed", repository.refreshed},
                                    {"why", repository.why}}));
  }
  return Json::object({{"forge", found.forge != nullptr ? Json(found.forge->name) : Json()},
                       {"event", text_or_null(found.event)},
                       {"event_guessed", found.event_guessed},
                       {"id", text_or_null(found.id)},
                       {"route", route ? Json(route->text()) : Json()},
                       {"signature", to_string(found.signature)},
                       {"signature_reason", text_or_null(found.signature_reason)},
                       {"secret", text_or_null(found.secret)},
                       {"unreadable_secrets", std::move(unreadable)},
                       {"changes", changes_of(found)},
                       {"repositories", std::move(repositories)},
                       {"status", webhook::http_status(found.verdict)},
                       {"verdict", to_string(found.verdict)},
                       {"reason", text_or_null(found.reason)}});
}

}  // namespace

Result<Json> explain(const config::Settings& settings, const ExplainRequest& request) {
  const CatalogueHolder holder(settings);
  const auto catalogue = holder.get();
  FRESHET_TRY(webhook::SavedDelivery saved, saved_delivery(request, *catalogue));
  Json unreadable = Json::array();
  const webhook::RouteSecrets secrets = read_secrets(*catalogue, saved.route, unreadable);
  const webhook::KnownDefault default_branch =
      [&](const RepositoryName& name) -> std::optional<RefName> {
    const auto spec = catalogue->find(name);
    const auto head = spec ? mirror::head_of(spec->mirror) : std::nullopt;
    return head && *head ? *head : std::nullopt;
  };
  const auto explain_it = [&] {
    return webhook::explain(saved, secrets, *catalogue->index, default_branch, wall_now());
  };
  Explanation found = explain_it();
  if (found.signature == Explanation::Signature::refused && saved.body.ends_with('\n')) {
    // Editors and shells put a line end behind it that the forge did not sign.
    saved.body.pop_back();
    if (Explanation again = explain_it(); again.signature == Explanation::Signature::right) {
      found = std::move(again);
    }
  }
  Json explained = view(found, saved.route, std::move(unreadable));
  if (secrets.locations.empty()) {
    explained.set("status", 404);
    explained.set("verdict", "not_found");
    explained.set("reason", "no secret is configured for this route, so that it is not there");
  }
  return explained;
}

}  // namespace freshet::app
