#include "webhook/forge.h"
#include "webhook/hub_payload.h"

namespace freshet::webhook {
namespace {

std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime /*now*/) {
  return std::make_unique<HmacCheck>(hex_claim(headers, "X-Hub-Signature-256", "sha256="), secrets);
}

}  // namespace

const Forge& github() {
  static const Forge kForge{
      .name = "github",
      .event_headers = {"X-GitHub-Event"},
      .id_headers = {"X-GitHub-Delivery"},
      .signature_headers = {"X-Hub-Signature-256"},
      .begin_check = begin_check,
      .fields = &hub_fields(),
      .readers = hub_readers(),
  };
  return kForge;
}

}  // namespace freshet::webhook
