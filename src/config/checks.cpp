#include "config/checks.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/credential_match.h"
#include "base/files.h"

namespace freshet::config {
namespace {

/// Of a key's value; of the table where it does not stand there.
Position position_of(const Node& table, std::string_view key) {
  const Node* node = table.find(key);
  return node == nullptr ? table.at : node->at;
}

/// Stands there and is not "", which is as good as nothing.
bool is_set(const Node& table, std::string_view key) {
  const Node* node = table.find(key);
  return node != nullptr && !(node->kind == Node::Kind::text && node->text.empty());
}

/// Reports the one of two keys that is missing while the other one is set.
void check_both_or_neither(const Node& table, std::string_view a, std::string_view b,
                           const Report& report) {
  if (is_set(table, a) != is_set(table, b)) {
    const std::string_view present = is_set(table, a) ? a : b;
    const std::string_view missing = is_set(table, a) ? b : a;
    report.below(missing).error(position_of(table, present),
                                fmt::format("missing; {} needs it", present));
  }
}

/// Where each path is published, to find those that meet.
struct PublishedPath {
  std::string path;
  Position at;
  std::string key;
};

std::vector<PublishedPath> published_paths(const File& file, const Node& root) {
  std::vector<PublishedPath> paths;
  const auto tables = tables_of(root.find("repository"));
  for (std::size_t i = 0; i < tables.size() && i < file.tables.size(); ++i) {
    const RepositoryTable& repository = file.tables[i];
    std::vector<std::pair<const Node*, std::string>> sources;
    if (!repository.path.empty()) {
      sources.emplace_back(tables[i], "repository.path");
    }
    for (const Node* checkout : tables_of(tables[i]->find("checkout"))) {
      sources.emplace_back(checkout, "repository.checkout.path");
    }
    for (std::size_t j = 0; j < sources.size() && j < repository.checkouts.size(); ++j) {
      if (const std::string& path = repository.checkouts[j].path; !path.empty()) {
        paths.push_back({path, position_of(*sources[j].first, "path"), sources[j].second});
      }
    }
  }
  return paths;
}

bool is_inside(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

void check_paths(const File& file, const Node& root, const Report& report) {
  const std::vector<PublishedPath> paths = published_paths(file, root);
  std::map<std::string, Position> places;
  for (const auto& [path, at, key] : paths) {
    const auto [other, added] = places.emplace(path, at);
    if (!added) {
      report.below(key).error(at, fmt::format("{} is published by line {} already; each checkout "
                                              "needs a path of its own",
                                              path, other->second.line));
    }
    if (is_inside(path, file.state_dir) || is_inside(file.state_dir, path)) {
      report.below(key).error(at,
                              fmt::format("a checkout and state_dir ({}) must not be inside one "
                                          "another",
                                          file.state_dir));
    }
  }
  for (const auto& [path, at, key] : paths) {
    for (std::string above = parent_path(path); above != "/"; above = parent_path(above)) {
      if (const auto other = places.find(above); other != places.end()) {
        report.below(key).error(at, fmt::format("{} is inside {}, which line {} publishes", path,
                                                above, other->second.line));
      }
    }
  }
}

void check_names(const File& file, const Node& root, const Report& report) {
  std::map<std::string, Position> places;
  const auto tables = tables_of(root.find("repository"));
  for (std::size_t i = 0; i < tables.size() && i < file.tables.size(); ++i) {
    const std::string& name = file.tables[i].name.text();
    const Position at = position_of(*tables[i], is_set(*tables[i], "name") ? "name" : "url");
    if (name.empty()) {
      continue;
    }
    const auto [other, added] = places.emplace(name, at);
    if (!added) {
      report.below("repository.name")
          .error(at, fmt::format("\"{}\" is the name of the repository of line {} already; set "
                                 "another name",
                                 name, other->second.line));
    }
  }
}

void complete_name(RepositoryTable& repository, const Node& table, const Report& report) {
  if (table.find("name") != nullptr || repository.url.text().empty()) {
    return;
  }
  const std::string name = repository.url.identity();
  if (is_repository_name(name)) {
    repository.name = RepositoryName(name);
  } else {
    report.below("name").error(
        position_of(table, "url"),
        fmt::format("\"{}\", which follows from the url, cannot be a name; set one", name));
  }
}

/// A sign-in of a kind that the transports of its match never ask for.
void check_transport(const Credential& credential, const Node& table, const Report& report) {
  using Transport = UpstreamUrl::Transport;
  const auto match = CredentialMatch::parse(credential.match);
  if (!match) {
    return;
  }
  const bool by_key = is_set(table, "ssh_key_file");
  const bool by_http =
      is_set(table, "token_file") || is_set(table, "password_file") || is_set(table, "github_app");
  const bool http = match->speaks(Transport::https) || match->speaks(Transport::http);
  if (by_key && !match->speaks(Transport::ssh)) {
    report.below("match").warning(position_of(table, "match"),
                                  "covers no ssh URL, and only those ask for an ssh_key_file");
  } else if (by_http && !http) {
    report.below("match").warning(
        position_of(table, "match"),
        "covers ssh URLs only, and those ask for an ssh_key_file with known_hosts_file");
  }
}

/// How it signs in; of two entries of one kind and match the second is never used.
std::string kind_of(const Credential& credential) {
  return !credential.ssh_key_file.empty() ? "ssh"
         : !credential.token_file.empty() || !credential.password_file.empty() ||
                 credential.github_app
             ? "http"
             : "ca_file";
}

void check_credentials(const File& file, const Node& root, const Report& report) {
  std::map<std::pair<std::string, std::string>, Position> places;
  const auto tables = tables_of(root.find("credential"));
  for (std::size_t i = 0; i < tables.size() && i < file.credentials.size(); ++i) {
    const Credential& credential = file.credentials[i];
    const Position at = position_of(*tables[i], "match");
    const auto [other, added] =
        places.emplace(std::pair(credential.match, kind_of(credential)), at);
    if (!added && !credential.match.empty()) {
      report.below("credential.match")
          .error(at,
                 fmt::format("line {} has the same match and signs in already; of two the second "
                             "would never be used",
                             other->second.line));
    }
  }
}

}  // namespace

void check_server(const Server& server, const Node& table, const Report& report) {
  check_both_or_neither(table, "tls_cert", "tls_key", report);
  if (server.body_memory < server.max_body) {
    const std::string_view key = is_set(table, "body_memory") ? "body_memory" : "max_body";
    report.below(key).error(
        position_of(table, key),
        fmt::format("body_memory (\"{}\") must be at least max_body (\"{}\")",
                    format_size(server.body_memory), format_size(server.max_body)));
  }
}

void check_admin(const Admin& admin, const Node& table, const Report& report) {
  if (!admin.listen.is_local() && !is_set(table, "token_file")) {
    report.below("token_file")
        .error(position_of(table, "listen"),
               "missing; required when listen is neither a loopback address nor a unix socket");
  }
}

void check_credential(const Credential& credential, const Node& table, const Report& report) {
  check_both_or_neither(table, "username", "password_file", report);
  check_both_or_neither(table, "ssh_key_file", "known_hosts_file", report);
  const int kinds = int{is_set(table, "token_file")} +
                    int{is_set(table, "username") || is_set(table, "password_file")} +
                    int{is_set(table, "ssh_key_file") || is_set(table, "known_hosts_file")} +
                    int{is_set(table, "github_app")};
  if (kinds > 1 || (kinds == 0 && !is_set(table, "ca_file"))) {
    report.error(table.at,
                 "expected exactly one of token_file, username with password_file, ssh_key_file "
                 "with known_hosts_file, and github_app (none: ca_file)");
  }
  check_transport(credential, table, report);
}

void check_on_update(const OnUpdate& /*on_update*/, const Node& table, const Report& report) {
  if (is_set(table, "run") == is_set(table, "post")) {
    report.error(table.at, "expected exactly one of run and post");
  }
  check_both_or_neither(table, "post", "secret_file", report);
}

void complete_repository(RepositoryTable& repository, const Node& table, const Report& report) {
  complete_name(repository, table, report);
  const bool shorthand = table.find("path") != nullptr;
  if (!repository.path.empty()) {
    repository.checkouts.insert(repository.checkouts.begin(), repository);
  }
  if (!shorthand && table.find("ref") != nullptr) {
    report.below("ref").error(table.find("ref")->key_at,
                              "belongs to `path` in the same table; a [[repository.checkout]] has "
                              "a ref of its own");
  }
  const Node* checkout = table.find("checkout");
  const bool none =
      checkout == nullptr || (checkout->kind == Node::Kind::array && checkout->items.empty());
  if (!shorthand && none && !repository.mirror) {
    report.error(table.at,
                 "publishes nothing; set `path`, add a [[repository.checkout]], or set `mirror = "
                 "true`");
  }
  if (repository.mirror && repository.refs.empty()) {
    repository.refs = {"refs/heads/*", "refs/tags/*"};
  }
}

void check_file(const File& file, const Node& root, const Report& report) {
  check_names(file, root, report);
  check_paths(file, root, report);
  check_credentials(file, root, report);
  const ListenAddress& address = file.admin.listen;
  if (address == file.server.listen && (address.is_unix() || address.port != 0)) {
    const Node* admin = root.find("admin");
    const std::string section = admin != nullptr && is_set(*admin, "listen") ? "admin" : "server";
    const Node* table = root.find(section);
    report.below(section + ".listen")
        .error(table == nullptr ? root.at : position_of(*table, "listen"),
               "server.listen and admin.listen must differ");
  }
}

}  // namespace freshet::config
