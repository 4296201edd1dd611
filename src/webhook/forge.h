#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/message.h"
#include "webhook/payload.h"
#include "webhook/signature.h"

namespace freshet::webhook {

/// What is particular to one kind of sender: everything about it stands in its own file, which
/// ends in one of these, and in one line of the table in forge.cpp.
struct Forge {
  std::string_view name;  ///< in the route, in metrics and in the ledger

  /// Where the name of the event and the delivery's id stand. The first header that is there
  /// counts.
  std::vector<std::string_view> event_headers;
  std::vector<std::string_view> id_headers;
  std::vector<std::string_view> signature_headers;  ///< one of these begins a check that can pass

  /// Starts to check a delivery by its head; the caller then gives it the raw body. Never null:
  /// what is missing or malformed becomes a check that fails. `now` is for forges that sign a time.
  std::unique_ptr<SignatureCheck> (*begin_check)(const http::Headers& headers,
                                                 const std::vector<Secret>& secrets, WallTime now);

  /// What the readers look at; nothing else of a payload is kept.
  const JsonFields* fields;
  /// The events that can change a ref. A sender without event headers has one, without a name.
  std::vector<EventReader> readers;
};

const Forge& github();
const Forge& gitea();
const Forge& gitlab();
const Forge& bitbucket();
const Forge& generic();

/// nullptr: no such forge.
const Forge* find_forge(std::string_view name);
std::vector<const Forge*> all_forges();

/// Empty when there is none.
std::string event_of(const Forge& forge, const http::Headers& headers);
/// At most 128 printable ASCII characters, a longer id is cut; nullopt: none, or other characters.
std::optional<std::string> delivery_id_of(const Forge& forge, const http::Headers& headers);

/// Which forge sent a request, by the headers of events and signatures; nullptr: none known here.
/// In the order that tells forges apart which send each other's headers.
const Forge* guess_forge(const http::Headers& headers);

/// Reads `body` as the payload of `event`. An error (class protocol): not JSON, no object, nested
/// deeper than kPayloadDepth, or not what this forge sends. Of more changes than are kept
/// (JsonLimits) the first ones are there, as in a delivery of kind repository_changed. Its URLs
/// carry no password and no token.
Result<Delivery> read_delivery(const Forge& forge, std::string_view event, std::string_view body);

}  // namespace freshet::webhook
