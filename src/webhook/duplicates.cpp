#include "webhook/duplicates.h"

#include <algorithm>
#include <string>

namespace freshet::webhook {

Sha256 delivery_key(std::string_view forge, std::string_view route, std::string_view id,
                    const Sha256& body_digest) {
  std::string text;
  for (const std::string_view part : {forge, route, id}) {
    text += part;
    text += '\0';
  }
  text.append(reinterpret_cast<const char*>(body_digest.data()), body_digest.size());
  return sha256(text);
}

void Duplicates::remember(const Sha256& key, const std::vector<RepositoryName>& repositories,
                          std::uint64_t mark, Instant now) {
  bound_repositories(repositories.size());
  while (!order_.empty() && (order_.size() >= most_entries_ || order_.front().until <= now)) {
    drop_oldest();
  }
  Entry entry{now + kWindow, mark, {}};
  entry.repositories.reserve(repositories.size());
  for (const RepositoryName& repository : repositories) {
    entry.repositories.push_back(number_of(repository));
  }
  order_.push_back({key, entry.until});
  entries_.insert_or_assign(key, std::move(entry));
}

bool Duplicates::contains(const Sha256& key, Instant now) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.until <= now) {
    return false;
  }
  const Entry& entry = found->second;
  return std::all_of(entry.repositories.begin(), entry.repositories.end(),
                     [&](std::uint32_t number) { return failed_at_[number] <= entry.mark; });
}

void Duplicates::forget(const RepositoryName& repository) {
  // Also of a repository not seen yet: a delivery for it may stand between mark() and remember().
  bound_repositories(1);
  failed_at_[number_of(repository)] = ++failures_;
}

void Duplicates::bound_repositories(std::size_t more) {
  if (numbers_.empty() || numbers_.size() + more <= most_repositories_) {
    return;
  }
  // Names of repositories that are gone have no other end. What is forgotten counts as failed, so
  // that a delivery under way which was marked before does not miss a failure.
  entries_.clear();
  order_.clear();
  numbers_.clear();
  failed_at_.clear();
  forgotten_ = ++failures_;
}

void Duplicates::drop_oldest() {
  const Place& place = order_.front();
  const auto found = entries_.find(place.key);
  if (found != entries_.end() && found->second.until == place.until) {
    entries_.erase(found);
  }
  order_.pop_front();
}

std::uint32_t Duplicates::number_of(const RepositoryName& repository) {
  const auto [found, added] =
      numbers_.emplace(repository, static_cast<std::uint32_t>(failed_at_.size()));
  if (added) {
    failed_at_.push_back(forgotten_);
  }
  return found->second;
}

}  // namespace freshet::webhook
