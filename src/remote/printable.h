#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::remote {

/// A text of the upstream as it may stand in an error or a log line: one line of printable ASCII
/// (anything else becomes "?"), at most 300 characters, without passwords in URLs. Pure.
std::string printable(std::string_view text);

/// Error protocol: the upstream's answer has `what`, which begins with `text`.
tl::unexpected<Error> odd_answer(std::string_view what, std::string_view text);

}  // namespace freshet::remote
