#include "sync/ref_selection.h"

#include <algorithm>
#include <set>

namespace freshet::sync {
namespace {

const RefName kHead{"HEAD"};

void add_once(std::vector<remote::RefPattern>& patterns, const std::string& text) {
  const remote::RefPattern pattern{text};
  if (std::find(patterns.begin(), patterns.end(), pattern) == patterns.end()) {
    patterns.push_back(pattern);
  }
}

bool any_matches(const std::vector<remote::RefPattern>& patterns, const RefName& ref) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const remote::RefPattern& pattern) { return pattern.matches(ref); });
}

bool follows_default_branch(const RepositorySpec& spec) {
  return std::any_of(spec.checkouts.begin(), spec.checkouts.end(), [](const auto& checkout) {
    return parse_ref_choice(checkout.ref).default_branch;
  });
}

std::optional<ObjectId> answered(const remote::Advertisement& answer, const RefName& ref) {
  if (const auto position = answer.refs.find(ref); position != answer.refs.end()) {
    return position->second;
  }
  if (answer.default_branch == ref) {
    return answer.head;
  }
  return std::nullopt;
}

}  // namespace

RefName pin_of(const ObjectId& id) {
  return RefName("refs/freshet/pin/" + id.hex());
}

RefChoice parse_ref_choice(const std::string& configured) {
  RefChoice choice;
  if (configured.empty() || configured == "HEAD") {
    choice.default_branch = true;
  } else if (const auto id = ObjectId::parse(configured)) {
    choice.commit = *id;
  } else if (configured.starts_with("refs/")) {
    choice.candidates = {RefName(configured)};
  } else {
    choice.candidates = {RefName("refs/heads/" + configured), RefName("refs/tags/" + configured)};
  }
  return choice;
}

std::vector<remote::RefPattern> patterns_to_ask(const RepositorySpec& spec) {
  std::vector<remote::RefPattern> patterns;
  add_once(patterns, "HEAD");
  for (const remote::RefPattern& pattern : spec.follows) {
    add_once(patterns, pattern.text);
  }
  for (const auto& checkout : spec.checkouts) {
    for (const RefName& candidate : parse_ref_choice(checkout.ref).candidates) {
      add_once(patterns, candidate.text());
    }
  }
  return patterns;
}

Selection select_refs(const RepositorySpec& spec, const remote::Advertisement& answer) {
  Selection selection;
  selection.refs = answer.refs;
  if (answer.head && follows_default_branch(spec)) {
    selection.refs[answer.default_branch.value_or(pin_of(*answer.head))] = *answer.head;
  }
  for (const auto& checkout : spec.checkouts) {
    if (const auto commit = parse_ref_choice(checkout.ref).commit) {
      selection.refs[pin_of(*commit)] = *commit;
    }
  }
  if (answer.default_branch && selection.refs.count(*answer.default_branch) != 0) {
    selection.head = answer.default_branch;
  } else {
    const auto branch =
        std::find_if(selection.refs.begin(), selection.refs.end(),
                     [](const auto& r) { return r.first.text().starts_with("refs/heads/"); });
    if (branch != selection.refs.end()) {
      selection.head = branch->first;
    }
  }
  return selection;
}

Result<Resolved> resolve(const std::string& configured, const remote::Advertisement& answer) {
  const RefChoice choice = parse_ref_choice(configured);
  if (choice.commit) {
    return Resolved{pin_of(*choice.commit), *choice.commit};
  }
  if (choice.default_branch) {
    if (!answer.head) {
      return fail(ErrorClass::not_found,
                  "the upstream has no default branch; is it empty? Push to it, or name a ref");
    }
    return Resolved{answer.default_branch.value_or(kHead), *answer.head};
  }
  for (const RefName& candidate : choice.candidates) {
    if (const auto id = answered(answer, candidate)) {
      return Resolved{candidate, *id};
    }
  }
  return fail(ErrorClass::not_found,
              configured.starts_with("refs/")
                  ? "the upstream has no ref " + configured
                  : "the upstream has no branch or tag called " + configured);
}

std::map<RefName, ObjectId> managed_refs(const RepositorySpec& spec,
                                         const std::map<RefName, ObjectId>& in_mirror) {
  const std::vector<remote::RefPattern> patterns = patterns_to_ask(spec);
  std::map<RefName, ObjectId> managed;
  for (const auto& [ref, id] : in_mirror) {
    if (!ref.text().starts_with("refs/tags/") || any_matches(patterns, ref)) {
      managed.emplace(ref, id);
    }
  }
  return managed;
}

std::vector<ObjectId> announced_commits(const std::vector<Announcement>& announcements,
                                        const RepositorySpec& spec,
                                        const std::map<RefName, ObjectId>& current) {
  const std::vector<remote::RefPattern> patterns = patterns_to_ask(spec);
  std::map<RefName, std::set<ObjectId>> newest;
  for (const Announcement& announcement : announcements) {
    const bool followed =
        current.count(announcement.ref) != 0 || any_matches(patterns, announcement.ref);
    if (followed && announcement.after) {
      newest[announcement.ref].insert(*announcement.after);
    }
  }
  for (const Announcement& announcement : announcements) {
    const auto position = newest.find(announcement.ref);
    if (announcement.before && position != newest.end()) {
      position->second.erase(*announcement.before);
    }
  }
  std::vector<ObjectId> commits;
  for (const auto& [ref, ids] : newest) {
    const auto known = current.find(ref);
    if (ids.size() == 1 && (known == current.end() || known->second != *ids.begin())) {
      commits.push_back(*ids.begin());
    }
  }
  return commits;
}

namespace {

/// How long a change may take to show when its announcement names no commit.
constexpr std::chrono::seconds kUnnamedLag{15};

/// Whether one announcement is not reflected yet, when no later one has come true.
bool is_open(const Announcement& announcement, const LagView& view,
             const std::optional<ObjectId>& now) {
  const auto earlier = view.earlier.find(announcement.ref);
  const bool unmoved =
      earlier == view.earlier.end() ? !now.has_value() : now == std::optional(earlier->second);
  if (!announcement.before && !announcement.after) {
    return unmoved && view.now - announcement.at < kUnnamedLag;
  }
  if (announcement.before == now) {
    return announcement.after != now;  // a forge's test delivery names one commit twice
  }
  const auto seen = [&](const std::optional<ObjectId>& id) {
    return id && view.was_at(announcement.ref, *id);
  };
  return unmoved && announcement.after && !seen(announcement.after) && !seen(announcement.before);
}

}  // namespace

std::vector<Announcement> still_lagging(const std::vector<Announcement>& announcements,
                                        const LagView& view) {
  const std::vector<remote::RefPattern> patterns = patterns_to_ask(view.spec);
  std::map<RefName, std::vector<Announcement>> chains;
  for (const Announcement& announcement : announcements) {
    if (any_matches(patterns, announcement.ref) || view.answer.default_branch == announcement.ref) {
      chains[announcement.ref].push_back(announcement);
    }
  }
  std::vector<Announcement> lagging;
  for (const auto& [ref, chain] : chains) {
    const std::optional<ObjectId> now = answered(view.answer, ref);
    // Behind the last announcement that the answer is the result of, whatever came before it.
    auto open = std::find_if(chain.rbegin(), chain.rend(), [&](const Announcement& announcement) {
                  return announcement.after == now && announcement.before != announcement.after;
                }).base();
    open = std::find_if(open, chain.end(), [&](const Announcement& announcement) {
      return is_open(announcement, view, now);
    });
    lagging.insert(lagging.end(), open, chain.end());
  }
  return lagging;
}

}  // namespace freshet::sync
