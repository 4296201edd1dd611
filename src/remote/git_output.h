#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "remote/upstream.h"

/// What git prints, read. Pure.
namespace freshet::remote {

/// The output of `git ls-remote --symref`, reduced to what the patterns ask for. Error
/// protocol: a line of another form.
Result<Advertisement> parse_ref_listing(std::string_view output,
                                        const std::vector<RefPattern>& patterns);

/// "Receiving objects:  42% (420/1000), ..." of git's progress; nullopt: another line.
std::optional<Progress> parse_progress(std::string_view line);

/// The output of `git for-each-ref` with "%(objectname) %(refname)"; other lines are left out.
std::map<std::string, ObjectId> parse_local_refs(std::string_view output);

}  // namespace freshet::remote
