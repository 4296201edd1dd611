#include <array>

#include "webhook/forge.h"
#include "webhook/hub_payload.h"

namespace freshet::webhook {
namespace {

struct SignatureHeader {
  std::string_view name;
  std::string_view prefix;
};

/// The first of these that is there counts. Gitea sends the later ones too, with the same digest;
/// all of them with an empty one when it has no secret.
constexpr std::array<SignatureHeader, 4> kSignatureHeaders{{
    {"X-Forgejo-Signature", ""},
    {"X-Gitea-Signature", ""},
    {"X-Gogs-Signature", ""},
    {"X-Hub-Signature-256", "sha256="},
}};

std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime /*now*/) {
  for (const auto& [name, prefix] : kSignatureHeaders) {
    if (headers.find(name)) {
      return std::make_unique<HmacCheck>(hex_claim(headers, name, prefix), secrets);
    }
  }
  return std::make_unique<HmacCheck>(hex_claim(headers, "X-Gitea-Signature", ""), secrets);
}

}  // namespace

/// Gitea, Forgejo and Gogs. Each sends the headers of those it came from as well.
const Forge& gitea() {
  static const Forge kForge{
      .name = "gitea",
      .event_headers = {"X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event"},
      .id_headers = {"X-Forgejo-Delivery", "X-Gitea-Delivery", "X-Gogs-Delivery",
                     "X-GitHub-Delivery"},
      .signature_headers = {kSignatureHeaders[0].name, kSignatureHeaders[1].name,
                            kSignatureHeaders[2].name, kSignatureHeaders[3].name},
      .begin_check = begin_check,
      .fields = &hub_fields(),
      .readers = hub_readers(),
  };
  return kForge;
}

}  // namespace freshet::webhook
