#include "webhook/forge.h"

#include <algorithm>
#include <array>

#include "base/url.h"

namespace freshet::webhook {
namespace {

constexpr std::size_t kLongestId = 128;
constexpr JsonLimits kPayloadLimits{.depth = kPayloadDepth};

const auto& forges() {
  static const std::array kForges{
      &github(), &gitea(), &gitlab(), &bitbucket(), &generic(),
  };
  return kForges;
}

std::string_view first_of(const http::Headers& headers,
                          const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (const auto value = headers.find(name); value && !value->empty()) {
      return *value;
    }
  }
  return {};
}

void redact(std::vector<std::string>& texts) {
  std::transform(texts.begin(), texts.end(), texts.begin(), redact_urls);
}

/// Some servers put a user and a token into the addresses they announce. Nothing here signs in with
/// them, and what a delivery says is kept and shown.
void redact(Identity& identity) {
  redact(identity.urls);
  redact(identity.full_names);
  redact(identity.own_names);
}

}  // namespace

const Forge* find_forge(std::string_view name) {
  const auto& all = forges();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Forge* forge) { return forge->name == name; });
  return found == all.end() ? nullptr : *found;
}

std::vector<const Forge*> all_forges() {
  return {forges().begin(), forges().end()};
}

std::string event_of(const Forge& forge, const http::Headers& headers) {
  return std::string(first_of(headers, forge.event_headers));
}

const Forge* guess_forge(const http::Headers& headers) {
  const auto has = [&](std::string_view name) { return headers.find(name).has_value(); };
  if (has("X-Forgejo-Event") || has("X-Gitea-Event") || has("X-Gogs-Event")) {
    return &gitea();
  }
  if (has("X-GitHub-Event")) {
    return &github();
  }
  if (has("X-Gitlab-Event") || has("X-Gitlab-Token")) {
    return &gitlab();
  }
  if (has("X-Event-Key")) {
    return &bitbucket();
  }
  return has("X-Signature-256") ? &generic() : nullptr;
}

std::optional<std::string> delivery_id_of(const Forge& forge, const http::Headers& headers) {
  const std::string_view id = first_of(headers, forge.id_headers);
  const bool printable =
      std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (id.empty() || !printable) {
    return std::nullopt;
  }
  return std::string(id.substr(0, kLongestId));
}

Result<Delivery> read_delivery(const Forge& forge, std::string_view event, std::string_view body) {
  const std::optional<KeptJson> payload = parse_json_fields(body, *forge.fields, kPayloadLimits);
  if (!payload) {
    return fail(ErrorClass::protocol, "the body is not JSON, or is nested too deeply");
  }
  if (!payload->value.is_object()) {
    return fail(ErrorClass::protocol, "the body is not a JSON object");
  }
  if (event.empty() && !forge.event_headers.empty()) {
    return fail(ErrorClass::protocol,
                "the header " + std::string(forge.event_headers.front()) + " is missing");
  }
  FRESHET_TRY(Delivery delivery, read_event(forge.readers, event, payload->value));
  if (payload->cut && delivery.kind == Delivery::Kind::refs_changed) {
    delivery.kind = Delivery::Kind::repository_changed;
  }
  redact(delivery.repository);
  redact(delivery.former);
  return delivery;
}

}  // namespace freshet::webhook
