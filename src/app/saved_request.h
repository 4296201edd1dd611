#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "http/message.h"

namespace freshet::app {

/// A delivery as people keep it: the body alone; or head lines ("K: V", in front perhaps a request
/// line), an empty line and the body.
struct SavedRequest {
  std::string path;  ///< of the request line, without the query; empty: there was none
  http::Headers headers;
  std::string body;
};

/// Takes anything: what does not begin like a head is a body.
SavedRequest read_saved_request(std::string_view content);

/// "K: V". Error config: it is not.
Result<std::pair<std::string, std::string>> read_header(std::string_view line);

}  // namespace freshet::app
