#include "admin/repository_views.h"

#include <utility>

namespace freshet::admin {

std::shared_ptr<const std::string> RepositoryViews::of(
    const std::shared_ptr<const state::RepositoryState>& state) {
  std::vector<SecretUse> secrets = secrets_of_(state->name);
  {
    const MutexLock lock(mutex_);
    const auto known = rendered_.find(state->name);
    if (known != rendered_.end() && known->second.state == state &&
        known->second.secrets == secrets) {
      return known->second.json;
    }
  }
  auto json = std::make_shared<const std::string>(view(*state, secrets).dump());
  const MutexLock lock(mutex_);
  rendered_[state->name] = {state, std::move(secrets), json};
  return json;
}

std::string RepositoryViews::list(const state::Store::Snapshot& states) {
  std::vector<std::shared_ptr<const std::string>> parts;
  parts.reserve(states.size());
  std::size_t size = 32;
  for (const auto& state : states) {
    parts.push_back(of(state));
    size += parts.back()->size() + 1;
  }
  keep_only(states);
  std::string list = "{\"repositories\":[";
  list.reserve(size);
  for (const auto& part : parts) {
    list.append(&part == &parts.front() ? "" : ",").append(*part);
  }
  return list + "]}";
}

void RepositoryViews::keep_only(const state::Store::Snapshot& states) {
  const MutexLock lock(mutex_);
  if (rendered_.size() <= states.size()) {
    return;
  }
  auto known = rendered_.begin();
  for (const auto& state : states) {  // both by name
    while (known != rendered_.end() && known->first < state->name) {
      known = rendered_.erase(known);
    }
    if (known != rendered_.end() && known->first == state->name) {
      ++known;
    }
  }
  rendered_.erase(known, rendered_.end());
}

}  // namespace freshet::admin
