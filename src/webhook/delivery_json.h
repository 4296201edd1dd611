#pragma once

#include "base/json.h"
#include "base/result.h"
#include "webhook/payload.h"

namespace freshet::webhook {

/// What a delivery says, whichever forge sent it, in a form that outlives the process.
Json to_json(const Delivery& delivery);
/// Error (class protocol): not what to_json makes.
Result<Delivery> delivery_from_json(const Json& json);

}  // namespace freshet::webhook
