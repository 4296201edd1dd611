#pragma once

#include "config/diagnostic.h"
#include "config/node.h"
#include "config/table.h"

/// What no single value can tell: which settings belong together, exclude or contradict each other.
namespace freshet::config {

void check_server(const Server& server, const Node& table, const Report& report);
void check_admin(const Admin& admin, const Node& table, const Report& report);
void check_credential(const Credential& credential, const Node& table, const Report& report);
void check_on_update(const OnUpdate& on_update, const Node& table, const Report& report);

/// Fills in what follows from the rest of the table: name, shorthand checkout, refs of a mirror.
void complete_repository(RepositoryTable& repository, const Node& table, const Report& report);

/// The file as a whole: names and paths that meet, addresses that are the same. The repositories
/// have been completed.
void check_file(const File& file, const Node& root, const Report& report);

}  // namespace freshet::config
