#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/trigger.h"
#include "webhook/match.h"
#include "webhook/payload.h"

namespace freshet::webhook {

/// What became of a delivery; also the `outcome` in metrics and ledger.
enum class Verdict { accepted, pong, ignored, duplicate, unauthorized, invalid, unavailable };
inline constexpr std::array kVerdicts{Verdict::accepted,   Verdict::pong,         Verdict::ignored,
                                      Verdict::duplicate,  Verdict::unauthorized, Verdict::invalid,
                                      Verdict::unavailable};
std::string_view to_string(Verdict verdict);
/// Of the answer that says so.
int http_status(Verdict verdict);

/// A repository found by a name that its upstream no longer has.
struct Renamed {
  RepositoryName repository;
  std::vector<std::string> urls;  ///< of the upstream from now on
};

/// What an authentic delivery leads to.
struct Decision {
  Verdict verdict = Verdict::ignored;  ///< accepted, pong, ignored or invalid
  std::string reason;                  ///< of ignored and invalid, for a person
  std::vector<RepositoryName> meant;   ///< also those that follow none of its refs
  std::vector<Trigger> triggers;       ///< one for each repository to refresh
  std::vector<Renamed> renamed;
};

/// The default branch of a repository's upstream, as far as its last refresh has seen it.
using KnownDefault = std::function<std::optional<RefName>(const RepositoryName& repository)>;

/// Decides by the payload, the configuration and what is known of default branches alone. `route`
/// is the NAME of /FORGE/NAME, which is in the index; then the payload's own names do not count.
/// `id` may be empty.
Decision decide(const Delivery& delivery, const std::optional<RepositoryName>& route,
                const MatchIndex& index, const KnownDefault& known_default, const std::string& id,
                WallTime at);

}  // namespace freshet::webhook
