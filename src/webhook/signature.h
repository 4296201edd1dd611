#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hmac.h"
#include "base/secret.h"
#include "http/message.h"

namespace freshet::webhook {

/// Checks who sent one delivery, while its body arrives. Made from the head of the request; each
/// forge has its own kind. Used by one thread at a time.
class SignatureCheck {
 public:
  virtual ~SignatureCheck() = default;
  virtual void update(std::string_view bytes) = 0;
  /// Once, after the last byte. Success: the position of the secret that the sender knows. nullopt:
  /// none of them; the work was the same whatever the reason.
  virtual std::optional<std::size_t> finish() = 0;
};

/// HMAC-SHA256 over `before_body` and the body, under each key. `claimed` holds what the sender
/// says the result is, 32 bytes each, any of which may be right; empty: the header was missing or
/// malformed, and nothing passes. An empty key never passes. Without keys one HMAC is computed all
/// the same.
class HmacCheck final : public SignatureCheck {
 public:
  HmacCheck(std::vector<std::string> claimed, const std::vector<Secret>& keys,
            std::string_view before_body = {});
  void update(std::string_view bytes) override;
  std::optional<std::size_t> finish() override;

 private:
  struct Mac {
    HmacSha256 hmac;
    bool usable;
  };
  std::vector<std::string> claimed_;
  std::vector<Mac> macs_;
};

/// The 32 bytes that exactly 64 hexadecimal digits of either case stand for, else nullopt.
std::optional<std::string> parse_digest(std::string_view hex);

/// The digest in the header `name`, whose value is `prefix` and the digits. None when the header is
/// missing, stands more than once or has another form (an older "sha1=" among them).
std::vector<std::string> digest_in_header(const http::Headers& headers, std::string_view name,
                                          std::string_view prefix);

}  // namespace freshet::webhook
