#include "app/catalogue.h"

#include <algorithm>

#include "app/reload_plan.h"
#include "app/specs.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"

namespace freshet::app {
namespace {

LearntNames read_learnt(const std::string& file) {
  LearntNames learnt;
  if (!path_exists(file)) {
    return learnt;
  }
  const auto text = read_file(file);
  const auto content = text ? Json::parse(*text) : std::nullopt;
  if (!content) {
    log::warning("learnt names not read", {{"file", file}});
    return learnt;
  }
  for (const auto& [name, urls] : content->members()) {
    for (const Json& url : urls.items()) {
      learnt[RepositoryName(name)].push_back(url.text());
    }
  }
  return learnt;
}

std::string to_text(const LearntNames& learnt) {
  Json content = Json::object();
  for (const auto& [name, urls] : learnt) {
    Json list = Json::array();
    for (const std::string& url : urls) {
      list.push(url);
    }
    content.set(name.text(), std::move(list));
  }
  return content.dump(2) + "\n";
}

}  // namespace

std::shared_ptr<const sync::RepositorySpec> Catalogue::find(const RepositoryName& name) const {
  const auto position = specs.find(name);
  return position != specs.end() ? position->second : nullptr;
}

const std::vector<std::string>& Catalogue::secret_files(
    const std::optional<RepositoryName>& owner) const {
  if (owner) {
    const auto position = repositories.find(*owner);
    if (position != repositories.end() && !position->second->webhook_secret_files.empty()) {
      return position->second->webhook_secret_files;
    }
  }
  return settings.webhook.secret_files;
}

std::shared_ptr<const Catalogue> make_catalogue(config::Settings settings,
                                                const LearntNames& learnt,
                                                const Catalogue* before) {
  auto catalogue = std::make_shared<Catalogue>();
  catalogue->settings = std::move(settings);
  for (auto& spec : repository_specs(catalogue->settings)) {
    catalogue->specs.emplace(spec->name, std::move(spec));
  }
  std::vector<webhook::Followed> followed;
  for (const config::Repository& repository : catalogue->settings.repositories) {
    catalogue->repositories.emplace(repository.name, &repository);
    followed.push_back(matched(repository));
    if (const auto names = learnt.find(repository.name); names != learnt.end()) {
      auto& match = followed.back().match;
      match.insert(match.end(), names->second.begin(), names->second.end());
    }
  }
  for (auto& [name, spec] : catalogue->specs) {
    if (before != nullptr && same_refresh(*before, *catalogue, name)) {
      spec = before->specs.at(name);
    }
  }
  catalogue->index = std::make_shared<const webhook::MatchIndex>(std::move(followed));
  return catalogue;
}

CatalogueHolder::CatalogueHolder(config::Settings settings)
    : file_(settings.state_dir + "/renamed.json"), learnt_(read_learnt(file_)) {
  catalogue_ = make_catalogue(std::move(settings), learnt_);
}

std::shared_ptr<const Catalogue> CatalogueHolder::get() const {
  const MutexLock lock(mutex_);
  return catalogue_;
}

void CatalogueHolder::replace(config::Settings settings) {
  const MutexLock lock(mutex_);
  catalogue_ = make_catalogue(std::move(settings), learnt_, catalogue_.get());
  credentials_.reset();
}

std::shared_ptr<remote::Credentials> CatalogueHolder::credentials(remote::HttpClient& api) {
  const MutexLock lock(mutex_);
  if (!credentials_) {
    credentials_ =
        std::make_shared<remote::Credentials>(credential_specs(catalogue_->settings), api);
  }
  return credentials_;
}

void CatalogueHolder::learn(const RepositoryName& name, const std::vector<std::string>& urls) {
  // One writer of the file at a time, so that the newest content is the one that stays.
  const MutexLock writing(file_mutex_);
  std::string text;
  {
    const MutexLock lock(mutex_);
    auto& known = learnt_[name];
    const std::size_t before = known.size();
    for (const std::string& url : urls) {
      if (std::find(known.begin(), known.end(), url) == known.end() && known.size() < 64) {
        known.push_back(url);
      }
    }
    if (known.size() == before) {
      return;
    }
    catalogue_ = make_catalogue(catalogue_->settings, learnt_, catalogue_.get());
    text = to_text(learnt_);
  }
  log::info("upstream renamed", {{"repository", name.text()}});
  if (const auto written = write_file_atomically(file_, text); !written) {
    log::warning("learnt names not kept", {{"error", written.error().message}});
  }
}

}  // namespace freshet::app
