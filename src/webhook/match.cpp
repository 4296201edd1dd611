#include "webhook/match.h"

#include <algorithm>

#include "base/url.h"

namespace freshet::webhook {
namespace {

/// Whether the text says a host for certain: "host/path" without a scheme can be a full name too.
bool has_host(std::string_view text) {
  if (comparable_url(text).starts_with('/')) {
    return false;
  }
  const std::size_t scheme = text.find("://");
  return scheme == std::string_view::npos ? text.find(':') < text.find('/')
                                          : text.substr(scheme + 3, 1) != "/";
}

/// A full name by the rules of URLs (case, ".git", slashes, "scm/").
std::string comparable_full_name(std::string_view text) {
  const std::string comparable = comparable_url("https://h/" + std::string(text));
  return comparable.empty() ? comparable : comparable.substr(2);
}

bool matches(std::string_view pattern, std::string_view ref) {
  if (!pattern.starts_with("refs/")) {
    return true;
  }
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return pattern == ref;
  }
  const std::string_view after = pattern.substr(star + 1);
  return ref.size() >= star + after.size() && ref.starts_with(pattern.substr(0, star)) &&
         ref.ends_with(after);
}

}  // namespace

bool follows(const Followed& repository, const RefName& ref,
             const std::vector<RefName>& default_branches) {
  const bool may_be_default =
      ref.text() == "HEAD" ||
      (default_branches.empty() ? ref.text().starts_with("refs/heads/")
                                : std::find(default_branches.begin(), default_branches.end(),
                                            ref) != default_branches.end());
  const auto& patterns = repository.refs;
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return pattern == "HEAD" ? may_be_default : matches(pattern, ref.text());
         });
}

MatchIndex::MatchIndex(std::vector<Followed> repositories)
    : repositories_(std::move(repositories)) {
  by_url_.reserve(repositories_.size());
  by_full_name_.reserve(repositories_.size());
  by_name_.reserve(repositories_.size());
  for (std::uint32_t position = 0; position < repositories_.size(); ++position) {
    const Followed& repository = repositories_[position];
    by_name_.emplace(repository.name, position);
    if (repository.own_secrets > 0) {
      if (!most_secrets_ || repository.own_secrets > repositories_[*most_secrets_].own_secrets) {
        most_secrets_ = position;
      }
      continue;
    }
    add(position, repository.url);
    for (const std::string& text : repository.match) {
      add(position, text);
      if (!has_host(text) && !text.starts_with('/')) {
        by_full_name_[comparable_full_name(text)].push_back(position);
      }
    }
  }
}

void MatchIndex::add(std::uint32_t position, std::string_view text) {
  const std::string key = comparable_url(text);
  if (key.empty()) {
    return;
  }
  by_url_[key].push_back(position);
  std::size_t slash = key.find('/');
  by_full_name_[key.substr(slash + 1)].push_back(position);
  if (key.starts_with('/')) {
    // Where on the disk the forge's names begin is not known: "/srv/git/acme/docs" is "acme/docs".
    const std::size_t last = key.rfind('/');
    while ((slash = key.find('/', slash + 1)) < last) {
      by_full_name_[key.substr(slash + 1)].push_back(position);
    }
  }
}

std::vector<const Followed*> MatchIndex::meant_by(const Identity& identity) const {
  std::vector<std::uint32_t> positions;
  const auto collect = [&](const Positions& index, const std::string& key) {
    if (const auto found = index.find(key); !key.empty() && found != index.end()) {
      positions.insert(positions.end(), found->second.begin(), found->second.end());
    }
  };
  for (const std::string& url : identity.urls) {
    collect(by_url_, comparable_url(url));
  }
  for (const std::string& name : identity.own_names) {
    const auto found = by_name_.find(RepositoryName(name));
    if (found != by_name_.end() && repositories_[found->second].own_secrets == 0) {
      positions.push_back(found->second);
    }
  }
  if (positions.empty() && std::none_of(identity.urls.begin(), identity.urls.end(), has_host)) {
    for (const std::string& url : identity.urls) {
      if (!url.starts_with('/') && url.find("://") == std::string::npos) {
        collect(by_full_name_, comparable_full_name(url));
      }
    }
    for (const std::string& name : identity.full_names) {
      collect(by_full_name_, comparable_full_name(name));
    }
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  std::vector<const Followed*> found;
  found.reserve(positions.size());
  for (const std::uint32_t position : positions) {
    found.push_back(&repositories_[position]);
  }
  return found;
}

const Followed* MatchIndex::find(const RepositoryName& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &repositories_[found->second];
}

}  // namespace freshet::webhook
