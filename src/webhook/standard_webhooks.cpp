#include "webhook/standard_webhooks.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/base64.h"

namespace freshet::webhook {
namespace {

constexpr std::string_view kId = "webhook-id";
constexpr std::string_view kTimestamp = "webhook-timestamp";
constexpr std::string_view kSignature = "webhook-signature";

bool is_current(std::string_view seconds, WallTime now) {
  constexpr std::size_t kMostDigits = 12;  // what follows cannot overflow
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::int64_t value = 0;
  if (seconds.empty() || seconds.size() > kMostDigits ||
      !std::all_of(seconds.begin(), seconds.end(), is_digit)) {
    return false;
  }
  std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
  const auto tolerated = std::chrono::duration_cast<std::chrono::milliseconds>(kTimestampTolerance);
  return std::abs(to_unix_millis(now) - value * 1000) <= tolerated.count();
}

}  // namespace

bool has_standard_signature(const http::Headers& headers) {
  return headers.find(kSignature).has_value();
}

Claim standard_claim(const http::Headers& headers, WallTime now) {
  for (const std::string_view name : {kId, kTimestamp, kSignature}) {
    if (headers.count(name) != 1 || headers.find(name)->empty()) {
      return {{}, "the header " + std::string(name) + " must be there once and not be empty"};
    }
  }
  if (!is_current(*headers.find(kTimestamp), now)) {
    return {{}, "webhook-timestamp is not within 5 minutes of our time"};
  }
  constexpr std::string_view kVersion = "v1,";
  Claim claim;
  std::string_view rest = *headers.find(kSignature);
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    const std::string_view one = rest.substr(0, blank);
    rest.remove_prefix(std::min(blank + 1, rest.size()));
    if (!one.starts_with(kVersion)) {
      continue;
    }
    auto digest = from_base64(one.substr(kVersion.size()));
    if (digest && digest->size() == sizeof(Sha256)) {
      claim.digests.push_back(std::move(*digest));
    }
  }
  if (claim.digests.empty()) {
    claim.problem = "webhook-signature holds no v1,BASE64 of 32 bytes";
  }
  return claim;
}

std::string standard_prefix(const http::Headers& headers) {
  return std::string(headers.find(kId).value_or("")) + "." +
         std::string(headers.find(kTimestamp).value_or("")) + ".";
}

std::vector<Secret> standard_keys(const std::vector<Secret>& secrets) {
  constexpr std::string_view kPrefix = "whsec_";
  std::vector<Secret> keys;
  keys.reserve(secrets.size());
  for (const Secret& secret : secrets) {
    const std::string_view text = secret.reveal();
    auto key = text.starts_with(kPrefix) ? from_base64(text.substr(kPrefix.size())) : std::nullopt;
    const bool usable = key && key->size() >= 24 && key->size() <= 64;
    keys.emplace_back(usable ? std::move(*key) : std::string());
  }
  return keys;
}

}  // namespace freshet::webhook
