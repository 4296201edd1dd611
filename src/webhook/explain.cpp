#include "webhook/explain.h"

#include <algorithm>
#include <utility>

namespace freshet::webhook {
namespace {

/// The first event of the forge whose payload this could be; empty: none.
std::string_view guess_event(const Forge& forge, std::string_view body) {
  for (const EventReader& reader : forge.readers) {
    const auto delivery = read_delivery(forge, reader.event, body);
    if (delivery && !delivery->repository.empty() && !delivery->changes.empty()) {
      return reader.event;
    }
  }
  return {};
}

void find_sender(Explanation& found, const SavedDelivery& saved) {
  found.forge = saved.forge != nullptr ? saved.forge : guess_forge(saved.headers);
  if (found.forge != nullptr) {
    found.event = event_of(*found.forge, saved.headers);
    if (found.event.empty()) {
      found.event = guess_event(*found.forge, saved.body);
      found.event_guessed = !found.event.empty();
    }
    return;
  }
  for (const Forge* forge : all_forges()) {
    found.event = guess_event(*forge, saved.body);
    if (!found.event.empty() ||
        (forge->event_headers.empty() && read_delivery(*forge, "", saved.body))) {
      found.forge = forge;
      found.event_guessed = !found.event.empty();
      return;
    }
  }
}

void check_signature(Explanation& found, const SavedDelivery& saved, const RouteSecrets& secrets,
                     WallTime now) {
  const auto check = found.forge->begin_check(saved.headers, secrets.secrets, now);
  check->update(saved.body);
  const std::optional<std::size_t> signer = check->finish();
  if (signer) {
    found.signature = Explanation::Signature::right;
    found.secret = secrets.locations[*signer];
    return;
  }
  const auto& names = found.forge->signature_headers;
  const bool given = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return saved.headers.find(name).has_value();
  });
  found.signature = given ? Explanation::Signature::refused : Explanation::Signature::absent;
  found.signature_reason = check->problem();
  if (found.signature_reason.empty()) {
    found.signature_reason = secrets.secrets.empty()
                                 ? "this route has no secret"
                                 : "it fits none of the secrets: another one made it, or the body "
                                   "is not the one that was signed";
  }
}

std::string list_announced(const Trigger& trigger) {
  std::string text;
  for (const Announcement& announcement : trigger.announcements) {
    text += (text.empty() ? "follows " : ", ") + announcement.ref.text();
  }
  return text.empty() ? "any of its refs may have changed" : text;
}

void list_repositories(Explanation& found, const Decision& decision) {
  for (const RepositoryName& name : decision.meant) {
    const auto trigger =
        std::find_if(decision.triggers.begin(), decision.triggers.end(),
                     [&](const Trigger& candidate) { return candidate.repository == name; });
    const bool refreshed = trigger != decision.triggers.end();
    found.repositories.push_back({name, refreshed,
                                  refreshed
                                      ? list_announced(*trigger)
                                      : std::string("follows none of the refs that changed")});
  }
}

}  // namespace

Explanation explain(const SavedDelivery& saved, const RouteSecrets& secrets,
                    const MatchIndex& index, const KnownDefault& known_default, WallTime now) {
  Explanation found;
  find_sender(found, saved);
  if (found.forge == nullptr) {
    found.reason = "neither the headers nor the payload are those of a known forge";
    return found;
  }
  found.id = delivery_id_of(*found.forge, saved.headers).value_or("");
  check_signature(found, saved, secrets, now);
  Result<Delivery> delivery = read_delivery(*found.forge, found.event, saved.body);
  if (delivery) {
    found.content = std::move(*delivery);
    const Decision decision =
        decide(*found.content, saved.route, index, known_default, found.id, now);
    list_repositories(found, decision);
    found.verdict = decision.verdict;
    found.reason = decision.reason;
  } else {
    found.reason = delivery.error().message;
  }
  if (found.signature == Explanation::Signature::refused) {
    found.verdict = Verdict::unauthorized;
    found.reason = found.signature_reason;
  }
  return found;
}

}  // namespace freshet::webhook
