#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace freshet::config {

/// Gives each problem of a file its line. No value stands in it that could be a secret somebody
/// wrote where it does not belong: values are shown of settings that are known and name no file, or
/// that are an absolute path; of a table in one line only what stands before it, and of what is no
/// TOML nothing but headers and keys. `text` is the file's, in which the problems were found; they
/// are in its order. Pure.
void add_excerpts(std::vector<Diagnostic>& problems, std::string_view text);

}  // namespace freshet::config
