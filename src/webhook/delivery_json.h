#pragma once

#include "base/json.h"
#include "base/result.h"
#include "webhook/payload.h"

namespace freshet::webhook {

/// For the ledger: what a delivery says, in some 8 KB at the most. What does not fit is left out; a
/// delivery with changes left out is one of kind repository_changed, which leads to the same
/// refreshes and perhaps more.
Json to_json(const Delivery& delivery);

/// What to_json made of a delivery. An error (class corrupt): it did not make this.
Result<Delivery> delivery_from_json(const Json& json);

}  // namespace freshet::webhook
