#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "http/message.h"
#include "webhook/signature.h"

namespace freshet::webhook {

// The parts of a signature by the Standard Webhooks specification: an HMAC-SHA256 over
// "ID.TIMESTAMP.BODY" under the key that "whsec_" and base64 stand for, in the headers webhook-id,
// webhook-timestamp (seconds) and webhook-signature ("v1,BASE64", several with blanks between).

/// How far the sender's clock may be from ours, and how long a recorded request is of use.
constexpr Duration kTimestampTolerance = std::chrono::minutes(5);

bool has_standard_signature(const http::Headers& headers);
/// Signatures of other versions are passed over.
Claim standard_claim(const http::Headers& headers, WallTime now);
/// What is signed before the body.
std::string standard_prefix(const http::Headers& headers);
/// The key of each secret at its place; an empty one for those that are none (24 to 64 bytes).
std::vector<Secret> standard_keys(const std::vector<Secret>& secrets);

}  // namespace freshet::webhook
