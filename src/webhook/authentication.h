#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hmac.h"
#include "http/message.h"
#include "webhook/signature.h"

namespace freshet::webhook {

/// The check of one request's signature while its body arrives. One thread at a time.
class Authentication final : public http::BodyTap {
 public:
  /// `locations` of the secrets that the check was made with. What is not `admissible` is checked
  /// like everything else, and refused.
  Authentication(std::unique_ptr<SignatureCheck> check, std::vector<std::string> locations,
                 bool admissible)
      : check_(std::move(check)), locations_(std::move(locations)), admissible_(admissible) {}

  void update(std::string_view bytes) override { check_->update(bytes); }

  /// Does not ask whether it is admissible: would an unknown NAME take no memory for its body, a
  /// used up budget could tell it from a known one.
  bool keep() const override { return check_->problem().empty(); }

  /// Once: the location of the secret that signed; empty: none of the route's did.
  std::string finish() {
    const std::optional<std::size_t> signer = check_->finish();
    return signer && admissible_ ? locations_[*signer] : "";
  }

  /// After a refusal: why, for those who run the server. Nobody else is told.
  std::string refusal() const {
    if (!check_->problem().empty()) {
      return std::string(check_->problem());
    }
    return admissible_ ? "the signature fits none of the secrets"
                       : "no repository has the name in the route";
  }

  /// After a success, of the `body` that was given to it.
  Sha256 body_digest(std::string_view body) const {
    const std::optional<Sha256> known = check_->body_digest();
    return known ? *known : sha256(body);
  }

 private:
  std::unique_ptr<SignatureCheck> check_;
  std::vector<std::string> locations_;
  bool admissible_;
};

}  // namespace freshet::webhook
