#pragma once

#include <string>
#include <string_view>

namespace freshet {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// The form of URLs and JSON Web Tokens: "-" and "_" for "+" and "/", no padding.
std::string to_base64url(std::string_view bytes);

}  // namespace freshet
