#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "config/load.h"
#include "model/outcome.h"

namespace freshet::cli {

// Results go to standard output, messages to standard error. What senders and upstreams chose may
// stand in all of them: control characters are shown by their number (base/visible.h).

void print_line(std::string_view text);
void print_json(const Json& value);         ///< on one line
void print_message(std::string_view text);  ///< "freshet: TEXT"

/// "1 error", "2 errors".
std::string count_of(std::size_t number, std::string_view one, std::string_view several);

using Rows = std::vector<std::vector<std::string>>;

/// How a cell is printed, by its row and column; empty: plainly.
using CellStyle =
    std::function<std::string(std::size_t row, std::size_t column, const std::string&)>;

/// Columns as wide as their widest cell, two spaces apart.
void print_table(Rows rows, const CellStyle& style = {});

/// The same rows so that their lines fit `width` columns (0: any): the texts of the widest columns
/// are cut, to at least 8 columns. Every row has the columns of the first.
Rows fit_table(Rows rows, std::size_t width);

/// Loads the file; prints its warnings and errors as messages. nullopt: there were errors.
std::optional<config::Settings> load_or_complain(const std::string& file);

/// Why the daemon gave no answer; the exit status that follows from it.
int complain_unreachable(const Error& error);

/// The exit status that follows from the daemon's answer; never kUnreachable.
int exit_status_of(int http_status);

/// How one refresh ended, as a line or a JSON object.
std::string describe(const Outcome& outcome);
Json to_json(const Outcome& outcome);

bool is_terminal(int descriptor);

}  // namespace freshet::cli
