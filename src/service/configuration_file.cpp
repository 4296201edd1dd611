#include "service/configuration_file.h"

#include "base/log.h"
#include "config/load.h"

namespace freshet::service {

ConfigurationFile::ConfigurationFile(std::string path)
    : status_{std::move(path), wall_now(), std::nullopt} {}

bool ConfigurationFile::reload(const Take& take) {
  const std::string path = status().path;
  Reload reload{wall_now(), false, {}};
  config::Loaded loaded = config::load_file(path);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    const bool error = diagnostic.severity == config::Severity::error;
    reload.problems.push_back(config::to_text(diagnostic));
    log::write(error ? log::Level::error : log::Level::warning, "configuration",
               {{"problem", reload.problems.back()}});
  }
  if (loaded.settings) {
    log::configure(loaded.settings->log.level, loaded.settings->log.format);
    for (std::string& problem : take(std::move(*loaded.settings))) {
      log::warning("configuration", {{"problem", problem}});
      reload.problems.push_back(std::move(problem));
    }
    reload.successful = true;
    log::info("configuration reloaded", {{"file", path}});
  } else {
    log::error("configuration not reloaded; the old one stays in force", {{"file", path}});
  }
  const bool successful = reload.successful;
  const MutexLock lock(mutex_);
  if (successful) {
    status_.loaded = reload.at;
  }
  status_.last_reload = std::move(reload);
  return successful;
}

ConfigurationFile::Status ConfigurationFile::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace freshet::service
