#pragma once

#include "webhook/payload.h"

namespace freshet::webhook {

// The payloads that GitHub sends, and in the same shape Gitea, Forgejo and Gogs.

Result<Delivery> read_ping(const Json& payload);
Result<Delivery> read_push(const Json& payload);
/// "create" and "delete", which name a branch or tag by its short name.
Result<Delivery> read_create_or_delete(const Json& payload);
Result<Delivery> read_release(const Json& payload);
/// "repository": another name, owner or default branch.
Result<Delivery> read_repository(const Json& payload);
Result<Delivery> read_pull_request(const Json& payload);

/// What these readers look at.
const JsonFields& hub_fields();

}  // namespace freshet::webhook
