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
  /// Known from the beginning: why nothing can pass, for a person. Empty: it depends on the body.
  virtual std::string_view problem() const = 0;
  /// After a success: a digest of the body alone, where there is one.
  virtual std::optional<Sha256> body_digest() const { return std::nullopt; }
};

/// What a sender says the result of an HMAC-SHA256 is.
struct Claim {
  std::vector<std::string> digests;  ///< 32 bytes each, any of which may be right
  std::string problem;               ///< why there is none
};

/// HMAC-SHA256 over `before_body` and the body, under each key. Without a claimed digest nothing
/// passes, and neither does an empty key. Without keys one HMAC is computed all the same.
class HmacCheck final : public SignatureCheck {
 public:
  HmacCheck(Claim claim, const std::vector<Secret>& keys, std::string_view before_body = {});
  void update(std::string_view bytes) override;
  std::optional<std::size_t> finish() override;
  std::string_view problem() const override { return claim_.problem; }
  std::optional<Sha256> body_digest() const override { return body_digest_; }

 private:
  struct Mac {
    HmacSha256 hmac;
    bool usable;
  };
  Claim claim_;
  bool body_alone_;
  std::vector<Mac> macs_;
  std::optional<Sha256> body_digest_;
};

/// The 32 bytes that exactly 64 hexadecimal digits of either case stand for, else nullopt.
std::optional<std::string> parse_digest(std::string_view hex);

/// The digest in the header `name`, whose value is `prefix` and the digits. None when the header is
/// missing, stands more than once or has another form (an older "sha1=" among them).
Claim hex_claim(const http::Headers& headers, std::string_view name, std::string_view prefix);

std::string_view bytes_of(const Sha256& digest);

}  // namespace freshet::webhook
