#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime /*now*/) {
  return std::make_unique<HmacCheck>(hex_claim(headers, "X-Signature-256", "sha256="), secrets);
}

/// A URL, a full name, or the name of a repository in the configuration here.
Identity names_in(const std::optional<std::string>& text) {
  Identity identity;
  if (text && !text->empty()) {
    identity.own_names.push_back(*text);
    identity.urls.push_back(*text);
    if (text->find("://") == std::string::npos) {
      identity.full_names.push_back(*text);
    }
  }
  return identity;
}

/// {"repository": ..., "ref": ..., "commit": ...}, where each may be missing but a repository that
/// the route does not name. {"ping": true} asks for nothing.
Result<Delivery> read(const Json& payload) {
  FRESHET_TRY(const bool ping, flag(payload, "ping"));
  if (ping) {
    return Delivery::ping();
  }
  Delivery delivery;
  FRESHET_TRY(const std::optional<std::string> repository, optional_text(payload, "repository"));
  delivery.repository = names_in(repository);
  FRESHET_TRY(const std::optional<std::string> ref, optional_text(payload, "ref"));
  FRESHET_TRY(std::optional<ObjectId> commit, object_id(payload, "commit"));
  if (!ref || ref->empty() || *ref == "HEAD") {  // the default branch, whichever that is
    delivery.kind = Delivery::Kind::repository_changed;
    return delivery;
  }
  delivery.kind = Delivery::Kind::refs_changed;
  if (auto full = parse_ref(*ref)) {
    delivery.changes.push_back({std::move(*full), std::nullopt, std::move(commit)});
    return delivery;
  }
  // A short name is a branch, and may be a tag.
  RefChange tag;
  FRESHET_TRY(tag.ref, full_ref("refs/tags/" + *ref, "ref"));
  delivery.changes.push_back({RefName("refs/heads/" + *ref), std::nullopt, std::move(commit)});
  delivery.changes.push_back(std::move(tag));
  return delivery;
}

const JsonFields& fields() {
  static const JsonFields kFields{"repository", "ref", "commit", "ping"};
  return kFields;
}

}  // namespace

/// Whoever can sign: a script, a continuous integration, a forge that is not known here.
const Forge& generic() {
  static const Forge kForge{
      .name = "generic",
      .event_headers = {},
      .id_headers = {"X-Delivery-ID"},
      .signature_headers = {"X-Signature-256"},
      .begin_check = begin_check,
      .fields = &fields(),
      .readers = {{"", read}},
  };
  return kForge;
}

}  // namespace freshet::webhook
