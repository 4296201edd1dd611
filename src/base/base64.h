#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// nullopt: something else than that; padding may be missing.
std::optional<std::string> from_base64(std::string_view text);
/// The form of URLs and JSON Web Tokens: "-" and "_" for "+" and "/", no padding.
std::string to_base64url(std::string_view bytes);

}  // namespace freshet
