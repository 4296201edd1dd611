#include "service/configuration_file.h"

#include <sys/stat.h>

#include "base/log.h"
#include "config/load.h"

namespace freshet::service {
namespace {

/// A pipe, which a start can read, would keep the caller waiting for somebody who writes to it.
config::Loaded load_again(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    config::Problems problems(path);
    problems.error({}, "", "this is a pipe, which cannot be read a second time");
    return {std::nullopt, problems.take(), std::nullopt};
  }
  return config::load_file(path);
}

void refuse_unusable(const std::string& path, const ConfigurationFile::Check& check,
                     config::Loaded& loaded) {
  const Result<void> usable = loaded.settings ? check(*loaded.settings) : Result<void>();
  if (!usable) {
    config::Problems problems(path);
    problems.error({}, "", usable.error().message);
    const auto found = problems.take();
    loaded.diagnostics.insert(loaded.diagnostics.end(), found.begin(), found.end());
    loaded.settings.reset();
  }
}

}  // namespace

ConfigurationFile::ConfigurationFile(std::string path)
    : status_{std::move(path), wall_now(), std::nullopt} {}

bool ConfigurationFile::reload(const Check& check, const Take& take) {
  const std::string path = status().path;
  Reload reload{wall_now(), false, {}};
  config::Loaded loaded = load_again(path);
  refuse_unusable(path, check, loaded);
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
  }
  const bool successful = reload.successful;
  keep(std::move(reload));
  // Who waits for the line finds it in the status.
  if (successful) {
    log::info("configuration reloaded", {{"file", path}});
  } else {
    log::error("configuration not reloaded; the old one stays in force", {{"file", path}});
  }
  return successful;
}

void ConfigurationFile::keep(Reload reload) {
  const MutexLock lock(mutex_);
  if (reload.successful) {
    status_.loaded = reload.at;
  }
  status_.last_reload = std::move(reload);
}

ConfigurationFile::Status ConfigurationFile::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace freshet::service
