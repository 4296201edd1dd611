#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace freshet::http {

/// Fills path and query from a request target ("/a%2Fb?c=d+e"). '+' is a space in the query only.
/// The absolute form ("http://host/a") is taken when its authority is `host`, and "*". False: it is
/// none of these, or has a malformed percent sequence.
bool parse_target(std::string_view target, std::string_view host, Request& request);

}  // namespace freshet::http
