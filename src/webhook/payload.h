#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet::webhook {

/// Deepest nesting of a payload that is read; forges stay below 12.
constexpr int kPayloadDepth = 64;

/// How a payload names its repository. Texts as the sender wrote them, not yet compared with
/// anything.
struct Identity {
  std::vector<std::string> urls;        ///< for cloning and for browsers, in any form
  std::vector<std::string> full_names;  ///< "acme/docs"
  bool empty() const { return urls.empty() && full_names.empty(); }
};

struct RefChange {
  RefName ref;
  std::optional<ObjectId> before;  ///< nullopt: the ref is new, or the forge does not say
  std::optional<ObjectId> after;   ///< nullopt: the ref was deleted, or the forge does not say
};

/// What a delivery says, whichever forge sent it.
struct Delivery {
  enum class Kind {
    ping,
    refs_changed,        ///< those in `changes`
    repository_changed,  ///< renamed, another default branch: any ref may mean something else now
    ignored,             ///< nothing that changes a ref, for the reason in `reason`
  };
  Kind kind = Kind::ignored;
  std::string reason;
  Identity repository;
  Identity former;                        ///< names that the repository had until now
  std::optional<RefName> default_branch;  ///< as the payload says, when it does
  std::vector<RefChange> changes;

  static Delivery ping();
  static Delivery ignore(std::string reason);
};

// What readers of payloads are made of. Errors are of class protocol and name the field, never its
// value; a field that is null counts as missing.

/// nullopt when missing; an error when it is no text.
Result<std::optional<std::string>> optional_text(const Json& object, std::string_view field);
/// An error when missing, empty or no text.
Result<std::string> required_text(const Json& object, std::string_view field);
/// False when missing; an error when it is neither true nor false.
Result<bool> flag(const Json& object, std::string_view field);
/// nullopt when missing or all zeros (how forges write "none"); an error when it is no object id.
Result<std::optional<ObjectId>> object_id(const Json& object, std::string_view field);
/// An error when `text`, which stands in `field`, is not a full ref name.
Result<RefName> full_ref(std::string_view text, std::string_view field);

/// The names in a "repository" object of the kind that GitHub and its relatives send: full_name,
/// clone_url, ssh_url, html_url, git_url, as far as they are there.
Result<Identity> read_identity(const Json& repository);

/// `identity` as it was when its full name was `old_full_name`: URLs that end in the present full
/// name get the old one.
Identity with_full_name(const Identity& identity, const std::string& old_full_name);

}  // namespace freshet::webhook
