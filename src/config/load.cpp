#include "config/load.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/files.h"
#include "config/checks.h"
#include "config/excerpt.h"
#include "config/node.h"
#include "config/readers.h"
#include "config/table.h"

namespace freshet::config {
namespace {

constexpr std::size_t kLargestFile = 16U << 20U;

Settings settings_of(File file) {
  Settings settings = std::move(file);
  settings.repositories.assign(file.tables.begin(), file.tables.end());  // NOLINT: bases were moved
  return settings;
}

/// What stands above a syntax error.
std::string_view lines_above(std::string_view text, std::uint32_t line) {
  std::size_t end = 0;
  for (std::uint32_t i = 1; i < line && end < text.size(); ++i) {
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  }
  return text.substr(0, end);
}

/// With the values that can be read and the defaults of all others; nullopt: there is no [admin].
std::optional<Admin> read_admin(std::string_view text) {
  const auto root = parse_toml(text);
  if (!root || root->find("admin") == nullptr) {
    return std::nullopt;
  }
  Problems unused("");
  File file = file_section().defaults();
  file_section().read(*root, file, Report(unused, ""));
  return file.admin;
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& file_name) {
  Problems problems(file_name);
  Loaded loaded;
  File file = file_section().defaults();
  if (const auto root = parse_toml(text)) {
    file_section().read(*root, file, Report(problems, ""));
    loaded.admin = file.admin;
  } else {
    problems.error(root.error().at, "", root.error().message);
    loaded.admin = read_admin(lines_above(text, root.error().at.line));
  }
  if (!problems.has_errors()) {
    loaded.settings = settings_of(std::move(file));
  }
  loaded.diagnostics = problems.take();
  add_excerpts(loaded.diagnostics, text);
  loaded.text = text;
  return loaded;
}

Loaded load_file(const std::string& path) {
  const auto text = read_any_file(path, kLargestFile);
  if (text) {
    return load_text(*text, path);
  }
  Problems problems(path);
  const bool forbidden = ::access(path.c_str(), R_OK) != 0 && errno == EACCES;
  problems.error({}, "",
                 text.error().message + "; " + (forbidden ? "use sudo, or " : "") +
                     "name a configuration file that can be read with --config FILE");
  return {std::nullopt, problems.take(), std::nullopt};
}

Settings default_settings() {
  return settings_of(file_section().defaults());
}

Result<Repository> default_repository(const UpstreamUrl& url, const std::string& path) {
  RepositoryTable repository = file_section().defaults().defaults;
  repository.url = url;
  Node table;
  table.kind = Node::Kind::table;
  table.items.emplace_back(path.c_str()).key = "path";
  Problems problems(path);
  const Report report(problems, "");
  if (const auto checked = checkout_path().read(table.items.front(), report)) {
    repository.path = *checked;
    complete_repository(repository, table, report);
  }
  if (problems.has_errors()) {
    return fail(ErrorClass::config, path + ": " + problems.take().front().message);
  }
  return repository;
}

}  // namespace freshet::config
