#include "webhook/decision.h"

#include <algorithm>
#include <utility>

#include "base/url.h"

namespace freshet::webhook {
namespace {

using Repositories = std::vector<const Followed*>;

bool holds(const Repositories& all, const Followed* one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// "refs/heads/a, refs/heads/b and 7 more"
std::string list_refs(const std::vector<RefChange>& changes) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(changes.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + changes[i].ref.text();
  }
  if (changes.size() > kShown) {
    text += " and " + std::to_string(changes.size() - kShown) + " more";
  }
  return text;
}

Decision without_triggers(Verdict verdict, std::string reason) {
  Decision decision;
  decision.verdict = verdict;
  decision.reason = std::move(reason);
  return decision;
}

/// The trigger for one repository; nullopt when it follows none of the refs.
std::optional<Trigger> trigger_for(const Followed& repository, const Delivery& delivery,
                                   const KnownDefault& known_default, const std::string& id,
                                   WallTime at) {
  Trigger trigger{repository.name, Cause::delivery, {}, id};
  std::vector<RefName> default_branches;
  if (const auto known = known_default(repository.name)) {
    default_branches.push_back(*known);
    if (delivery.default_branch) {  // it may have changed since the last refresh
      default_branches.push_back(*delivery.default_branch);
    }
  }
  for (const RefChange& change : delivery.changes) {
    if (follows(repository, change.ref, default_branches)) {
      trigger.announcements.push_back({change.ref, change.before, change.after, at});
    }
  }
  const bool wanted =
      delivery.kind == Delivery::Kind::repository_changed || !trigger.announcements.empty();
  return wanted ? std::optional(std::move(trigger)) : std::nullopt;
}

/// `text` with the full name at its end replaced; nullopt: it ends in another one.
std::optional<std::string> renamed(const std::string& text, const std::string& former,
                                   const std::string& present) {
  const std::string comparable = comparable_url(text);
  const std::string end = comparable_url("https://h/" + former).substr(1);  // "/acme/docs"
  if (comparable.size() <= end.size() || !comparable.ends_with(end)) {
    return std::nullopt;
  }
  return comparable.substr(0, comparable.size() - end.size()) + "/" + present;
}

/// Where the upstream is now. A forge that says no URL leaves the host to what is configured.
std::vector<std::string> present_urls(const Followed& repository, const Delivery& delivery) {
  const auto& former = delivery.former.full_names;
  const auto& present = delivery.repository.full_names;
  if (!delivery.repository.urls.empty() || former.empty() || present.empty()) {
    return delivery.repository.urls;
  }
  std::vector<std::string> urls;
  std::vector<std::string> known = repository.match;
  known.push_back(repository.url);
  for (const std::string& text : known) {
    if (auto url = renamed(text, former.front(), present.front())) {
      urls.push_back(std::move(*url));
    }
  }
  return urls;
}

/// The repositories that are meant; those known by a former name only stand in `moved` as well.
Repositories find_meant(const Delivery& delivery, const std::optional<RepositoryName>& route,
                        const MatchIndex& index, std::vector<Renamed>& moved) {
  if (route) {
    const Followed* repository = index.find(*route);
    return repository == nullptr ? Repositories{} : Repositories{repository};
  }
  Repositories found = index.meant_by(delivery.repository);
  const Repositories present = found;
  for (const Followed* repository : index.meant_by(delivery.former)) {
    if (!holds(present, repository)) {
      found.push_back(repository);
      if (auto urls = present_urls(*repository, delivery); !urls.empty()) {
        moved.push_back({repository->name, std::move(urls)});
      }
    }
  }
  return found;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted:
      return "accepted";
    case Verdict::pong:
      return "pong";
    case Verdict::ignored:
      return "ignored";
    case Verdict::duplicate:
      return "duplicate";
    case Verdict::unauthorized:
      return "unauthorized";
    case Verdict::invalid:
      return "invalid";
    case Verdict::unavailable:
      break;
  }
  return "unavailable";
}

int http_status(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted:
      return 202;
    case Verdict::unauthorized:
      return 401;
    case Verdict::invalid:
      return 400;
    case Verdict::unavailable:
      return 503;
    case Verdict::pong:
    case Verdict::ignored:
    case Verdict::duplicate:
      break;
  }
  return 200;
}

Decision decide(const Delivery& delivery, const std::optional<RepositoryName>& route,
                const MatchIndex& index, const KnownDefault& known_default, const std::string& id,
                WallTime at) {
  if (delivery.kind == Delivery::Kind::ping) {
    return without_triggers(Verdict::pong, "");
  }
  if (delivery.kind == Delivery::Kind::ignored) {
    return without_triggers(Verdict::ignored, delivery.reason);
  }
  if (!route && delivery.repository.empty()) {
    return without_triggers(Verdict::invalid, "the payload names no repository");
  }
  Decision decision;
  const Repositories meant = find_meant(delivery, route, index, decision.renamed);
  if (meant.empty()) {
    return without_triggers(Verdict::ignored, "no repository here has this upstream");
  }
  for (const Followed* repository : meant) {
    decision.meant.push_back(repository->name);
    if (auto trigger = trigger_for(*repository, delivery, known_default, id, at)) {
      decision.triggers.push_back(std::move(*trigger));
    }
  }
  if (decision.triggers.empty()) {
    decision.reason = "no checkout follows " + list_refs(delivery.changes);
  } else {
    decision.verdict = Verdict::accepted;
  }
  return decision;
}

}  // namespace freshet::webhook
