#pragma once

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

/// Columns as wide as their widest cell, two spaces apart.
void print_table(std::vector<std::vector<std::string>> rows);

/// The same rows so that their lines fit `width` columns (0: any): the ids and texts of the widest
/// columns are cut, behind at least 8 characters. Every row has the columns of the first.
std::vector<std::vector<std::string>> fit_table(std::vector<std::vector<std::string>> rows,
                                                std::size_t width);

/// Loads the file; prints its warnings and errors as messages. nullopt: there were errors.
std::optional<config::Settings> load_or_complain(const std::string& file);

/// Why the daemon gave no answer; the exit status that follows from it.
int complain_unreachable(const Error& error);

/// The exit status that follows from the daemon's answer.
int exit_status_of(int http_status);

/// How one refresh ended, as a line or a JSON object.
std::string describe(const Outcome& outcome);
Json to_json(const Outcome& outcome);

bool is_terminal(int descriptor);

}  // namespace freshet::cli
