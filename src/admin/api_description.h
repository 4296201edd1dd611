#pragma once

#include <string_view>

namespace freshet::admin {

/// docs/openapi.json, put in by the build: GET /api/v1/openapi.json.
std::string_view api_description();

}  // namespace freshet::admin
