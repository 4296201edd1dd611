#pragma once

#include <vector>

#include "webhook/payload.h"

namespace freshet::webhook {

// The payloads that GitHub sends, and in the same shape Gitea, Forgejo and Gogs.

const std::vector<EventReader>& hub_readers();
const JsonFields& hub_fields();

}  // namespace freshet::webhook
