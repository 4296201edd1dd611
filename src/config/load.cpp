#include "config/load.h"

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

}  // namespace

Loaded load_text(std::string_view text, const std::string& file_name) {
  Problems problems(file_name);
  File file = file_section().defaults();
  if (const auto root = parse_toml(text)) {
    file_section().read(*root, file, Report(problems, ""));
  } else {
    problems.error(root.error().at, "", root.error().message);
  }
  Loaded loaded;
  if (!problems.has_errors()) {
    loaded.settings = settings_of(std::move(file));
  }
  loaded.diagnostics = problems.take();
  add_excerpts(loaded.diagnostics, text);
  return loaded;
}

Loaded load_file(const std::string& path) {
  const auto text = read_file(path, kLargestFile);
  if (text) {
    return load_text(*text, path);
  }
  Problems problems(path);
  problems.error(
      {}, "",
      text.error().message + "; name a configuration file that can be read with --config FILE");
  return {std::nullopt, problems.take()};
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
