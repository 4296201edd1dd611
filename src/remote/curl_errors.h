#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "remote/curl_handles.h"

namespace freshet::remote {

/// How a transfer failed, as libcurl says it.
struct CurlFailure {
  CURLcode code = CURLE_OK;
  std::string_view detail;  ///< of CURLOPT_ERRORBUFFER
  long system_error = 0;    ///< errno of the connection attempt, or 0
};

/// What it means for a person. Pure. Nothing of a URL but its host gets into the message.
Error explain_curl(const CurlFailure& failure, std::string_view host, Duration connect_limit);

Error connect_timeout(std::string_view host, Duration limit);

}  // namespace freshet::remote
