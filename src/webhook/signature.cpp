#include "webhook/signature.h"

namespace freshet::webhook {
namespace {

/// Stands in for a secret that is not there, so that refusing costs what checking costs. Random,
/// so that nobody can sign with it; what it signs is refused nevertheless.
const std::string& stand_in_key() {
  static const std::string kKey = random_bytes(32);
  return kKey;
}

}  // namespace

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

HmacCheck::HmacCheck(Claim claim, const std::vector<Secret>& keys, std::string_view before_body)
    : claim_(std::move(claim)), body_alone_(before_body.empty()) {
  const auto add = [&](std::string_view key, bool usable) {
    macs_.push_back({HmacSha256(key), usable});
  };
  for (const Secret& key : keys) {
    add(key.empty() ? std::string_view(stand_in_key()) : key.reveal(), !key.empty());
  }
  if (keys.empty()) {
    add(stand_in_key(), false);
  }
  if (claim_.digests.empty()) {
    claim_.digests.emplace_back(sizeof(Sha256), '\0');
    for (Mac& mac : macs_) {
      mac.usable = false;
    }
  }
  HmacCheck::update(before_body);
}

void HmacCheck::update(std::string_view bytes) {
  for (Mac& mac : macs_) {
    mac.hmac.update(bytes);
  }
}

std::optional<std::size_t> HmacCheck::finish() {
  std::optional<std::size_t> signer;
  // Every key is tried against every claim: where the right one stands does not show in the time.
  for (std::size_t i = 0; i < macs_.size(); ++i) {
    const Sha256 digest = macs_[i].hmac.finish();
    for (const std::string& claim : claim_.digests) {
      const bool same = equal_in_constant_time(claim, bytes_of(digest));
      if (same && macs_[i].usable && !signer) {
        signer = i;
        body_digest_ = body_alone_ ? std::optional(digest) : std::nullopt;
      }
    }
  }
  return signer;
}

std::optional<std::string> parse_digest(std::string_view hex) {
  return hex.size() == 2 * sizeof(Sha256) ? from_hex(hex) : std::nullopt;
}

Claim hex_claim(const http::Headers& headers, std::string_view name, std::string_view prefix) {
  const std::string header(name);
  if (headers.count(name) != 1) {
    return {{}, "the header " + header + " is missing, or there more than once"};
  }
  std::string_view value = *headers.find(name);
  if (value.starts_with(prefix)) {
    value.remove_prefix(prefix.size());
    if (auto digest = parse_digest(value)) {
      return {{std::move(*digest)}, {}};
    }
  }
  const std::string start = prefix.empty() ? "" : "\"" + std::string(prefix) + "\" and ";
  return {{}, header + " is not " + start + "64 hexadecimal digits"};
}

}  // namespace freshet::webhook
