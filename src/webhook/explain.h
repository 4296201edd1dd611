#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/message.h"
#include "webhook/decision.h"
#include "webhook/forge.h"
#include "webhook/intake.h"

namespace freshet::webhook {

/// A delivery that somebody kept: its body, and of its headers as many as they have.
struct SavedDelivery {
  const Forge* forge = nullptr;         ///< nullptr: to be guessed
  std::optional<RepositoryName> route;  ///< NAME of /FORGE/NAME
  http::Headers headers;
  std::string body;
};

/// What a delivery would do, and why.
struct Explanation {
  enum class Signature {
    absent,  ///< the rest says what it would do with a right one
    right,
    refused,  ///< wrong, malformed or too old
  };
  struct Repository {
    RepositoryName name;
    bool refreshed = false;
    std::string why;
  };

  const Forge* forge = nullptr;  ///< nullptr: no forge sends this
  std::string event;
  bool event_guessed = false;  ///< by the payload; no header said it
  std::string id;              ///< empty: none
  Signature signature = Signature::absent;
  std::string signature_reason;          ///< of `absent` and `refused`, for a person
  std::string secret;                    ///< location of the one that signed it
  std::optional<Delivery> content;       ///< nullopt: not readable, for the reason in `reason`
  std::vector<Repository> repositories;  ///< that are meant, refreshed or not
  Verdict verdict = Verdict::invalid;
  std::string reason;
};

/// Pure. `secrets` are those of the saved delivery's route. `now` is when it would arrive: a
/// signature that covers a time is refused some minutes later.
Explanation explain(const SavedDelivery& saved, const RouteSecrets& secrets,
                    const MatchIndex& index, const KnownDefault& known_default, WallTime now);

}  // namespace freshet::webhook
