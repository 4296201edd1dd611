#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"
#include "state/repository_state.h"

namespace freshet::admin {

/// What the API shows. Pure; the fields are the contract's.
Json view(const state::RepositoryState& state);
Json view(const CheckoutStatus& checkout);

http::Response json_response(int status, const Json& body);
/// {"error":{"code","message"}}
http::Response error_response(int status, std::string_view code, std::string_view message);
http::Response error_response(const Error& error);

}  // namespace freshet::admin
