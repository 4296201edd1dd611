#pragma once

#include <string>
#include <vector>

#include "base/secret.h"
#include "model/publication.h"

namespace freshet::notify {

// What commands and receivers are told of an update. Pure.

/// FRESHET_REPOSITORY, _PATH, _TREE, _REF, _OLD (empty: the first update), _NEW and _TRIGGER.
std::vector<std::string> variables(const Publication& publication);

/// One JSON object: repository, path, tree, ref, old, new, trigger as above, changed_paths, and
/// truncated when there are more of those.
std::string document(const Publication& publication, const ChangedPaths& changed);

/// The key that a secret stands for: behind "whsec_" it is written in Base64. Error config: it is
/// not.
Result<Secret> signing_key(const Secret& secret);

/// The webhook-signature of Standard Webhooks: "v1," and the Base64 of the HMAC-SHA256 over
/// "ID.TIMESTAMP.BODY". `timestamp` in seconds.
std::string signature(const Secret& key, const std::string& id, const std::string& timestamp,
                      const std::string& body);

}  // namespace freshet::notify
