#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "state/ledger.h"

namespace freshet::admin {

// What the routes that read the ledger have in common.

/// A number of the query that is not negative; nullopt: it is not there. Error config: what is
/// wrong with it.
Result<std::optional<std::int64_t>> optional_number(const http::Request& request,
                                                    std::string_view name);
/// How many rows are asked for: the query's limit. Error config: no number from 1 to 1000.
Result<std::int64_t> limit_of(const http::Request& request, std::int64_t otherwise);

/// 503. The ledger looks at its file when that may be damaged or gone.
http::Response unreadable_ledger(state::Ledger& ledger, const Error& error);

}  // namespace freshet::admin
