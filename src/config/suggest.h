#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"

namespace freshet::config {

/// Reports each member of the table that is not one of `known`, with what was probably meant: a
/// similar key of this table, or the table where a key of that name belongs.
void report_unknown_keys(const Node& table, const std::vector<std::string_view>& known,
                         const Report& report);

/// The number of letters to insert, remove, replace or exchange with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace freshet::config
