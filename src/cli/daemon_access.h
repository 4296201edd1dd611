#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/admin_client.h"
#include "cli/command.h"

namespace freshet::cli {

/// The daemon that the configuration file tells of. A file with errors does not keep anybody from
/// asking the daemon, which goes on with the old one: its [admin] counts as far as it can be read,
/// else the default address, and a message says so. nullopt, with a message: the file cannot be
/// read.
std::optional<app::AdminClient> find_daemon(const std::string& config_file);

/// Prints what the daemon says is wrong; the exit status that follows from it.
int complain(const app::AdminClient::Answer& answer);

/// What came of asking for one repository, as a line or with --json an object.
void print_answer(const Global& global, const std::string& name,
                  const app::AdminClient::Answer& answer);
/// Why not, with what to do about a refresh that failed.
void print_refusal(const std::string& name, const app::AdminClient::Answer& answer);

/// The names of all repositories, sorted; nullopt, with a message and the exit status in `status`.
std::optional<std::vector<std::string>> repository_names(const app::AdminClient& client,
                                                         int& status);

/// Whether the daemon knows each of the names. If not, prints which one it does not, with what was
/// probably meant; the exit status is not kDone then, nor when it cannot be asked.
int check_names(const app::AdminClient& client, const std::vector<std::string>& names);

/// "; did you mean `docs`?", or nothing.
std::string suggestion(const std::string& word, const std::vector<std::string>& known);

}  // namespace freshet::cli
