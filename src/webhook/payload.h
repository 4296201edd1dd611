#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_fields.h"
#include "base/result.h"
#include "model/ids.h"

namespace freshet::webhook {

/// Deepest nesting of a payload that is read; forges stay below 12.
constexpr int kPayloadDepth = 64;

/// How a payload names its repository. Texts as the sender wrote them, not yet compared with
/// anything.
struct Identity {
  std::vector<std::string> urls;            ///< for cloning and for browsers, in any form
  std::vector<std::string> full_names;      ///< "acme/docs"
  std::vector<std::string> own_names = {};  ///< as the configuration here names repositories
  bool empty() const { return urls.empty() && full_names.empty() && own_names.empty(); }
  bool operator==(const Identity&) const = default;
};

struct RefChange {
  RefName ref;
  std::optional<ObjectId> before;  ///< nullopt: the ref is new, or the forge does not say
  std::optional<ObjectId> after;   ///< nullopt: the ref was deleted, or the forge does not say
  bool operator==(const RefChange&) const = default;
};

/// What a delivery says, whichever forge sent it.
struct Delivery {
  enum class Kind {
    ping,
    refs_changed,        ///< those in `changes`
    repository_changed,  ///< renamed, another default branch, more changes than those in `changes`:
                         ///< any ref may mean something else now
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
  bool operator==(const Delivery&) const = default;
};

/// Reads the payloads of one event of a forge, of which only the forge's fields are left.
struct EventReader {
  std::string_view event;
  Result<Delivery> (*read)(const Json& payload);
};

/// Reads with the one that is for this event; ignored when there is none.
Result<Delivery> read_event(const std::vector<EventReader>& readers, std::string_view event,
                            const Json& payload);

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

/// nullopt when there can be no branch of that short name.
std::optional<RefName> branch(std::string_view short_name);

/// What stands below one ref's change, where a forge says it with plain members.
struct ChangeFields {
  std::string_view ref;
  std::string_view before;
  std::string_view after;
};
/// An error when the ref is missing or no full ref name, or a commit is no object id.
Result<RefChange> read_change(const Json& object, const ChangeFields& fields);

/// Adds a change of the refs that a forge keeps for a pull or merge request: FOLDER/NUMBER/HEAD
/// with these commits, and FOLDER/NUMBER/merge, a commit that the forge makes some time later and
/// says nothing of. An error when `number`, which stands in `field`, is none.
Result<> add_request(Delivery& delivery, std::string_view folder, const Json& number,
                     std::string_view field, RefChange head);

/// Adds the texts in these members, as far as they are there, to `texts`. An error when one is no
/// text.
Result<> collect_texts(const Json& object, std::initializer_list<std::string_view> fields,
                       std::vector<std::string>& texts);

/// The names in a "repository" object of the kind that GitHub and its relatives send: full_name,
/// clone_url, ssh_url, html_url, git_url, as far as they are there.
Result<Identity> read_identity(const Json& repository);

/// `identity` as it was when its full name was `old_full_name`: URLs that end in the present full
/// name get the old one.
Identity with_full_name(const Identity& identity, const std::string& old_full_name);

}  // namespace freshet::webhook
