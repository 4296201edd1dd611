#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace freshet::http {

/// `{"error":{"code":CODE,"message":MESSAGE}}`, the one form of every error on either listener.
Response error_response(int status, std::string_view code, std::string_view message);

/// The answer to an unknown route. Whoever must not be told apart from one answers with it too.
Response not_found_response();

struct Framing {
  bool head_only = false;  ///< the length is said, the body is not sent
  bool keep_alive = true;
};

/// The bytes of an answer (its head, if it goes on: the end of the connection is its end), with
/// Date, Content-Length, Content-Type, Cache-Control: no-store unless the response says otherwise,
/// and X-Content-Type-Options: nosniff. A field that could break out of its line is left out.
std::string serialize(const Response& response, Framing framing);

}  // namespace freshet::http
