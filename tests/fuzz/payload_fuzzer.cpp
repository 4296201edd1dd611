// The payload reader of one forge, FRESHET_FUZZ_FORGE, and what is decided by what it read. The
// first byte of the input chooses the event, the rest is the body.

#include <array>

#include "fuzzing.h"
#include "webhook/decision.h"
#include "webhook/forge.h"

namespace freshet::fuzz {
namespace {

using webhook::Delivery;
using webhook::RefChange;

struct Events {
  std::string_view forge;
  std::vector<std::string_view> names;
};

/// "" is a missing header, "other" an event that nobody knows.
const std::array<Events, 5> kEvents{{
    {"github",
     {"push", "create", "delete", "release", "repository", "pull_request", "ping", "other", ""}},
    {"gitea",
     {"push", "create", "delete", "release", "repository", "pull_request", "pull_request_sync",
      "ping", "other", ""}},
    {"gitlab",
     {"Push Hook", "Tag Push Hook", "Merge Request Hook", "System Hook", "Release Hook",
      "Project Hook", "other", ""}},
    {"bitbucket",
     {"repo:push", "repo:refs_changed", "pullrequest:created", "pullrequest:updated", "pr:opened",
      "pr:from_ref_updated", "repo:updated", "repo:modified", "diagnostics:ping", "other", ""}},
    {"generic", {"", "push", "ping", "other"}},
}};

const std::vector<std::string_view>& events_of(std::string_view forge) {
  for (const Events& events : kEvents) {
    if (events.forge == forge) {
      return events.names;
    }
  }
  std::abort();
}

const webhook::MatchIndex& index() {
  static const webhook::MatchIndex kIndex({
      {RepositoryName("docs"), "https://git.example/acme/docs.git", {}, {"HEAD"}, false},
      {RepositoryName("all"),
       "ssh://git@git.example/acme/docs",
       {"git.example/acme/old"},
       {},
       false},
      {RepositoryName("local"), "/srv/git/acme/docs.git", {}, {"refs/heads/*"}, false},
      {RepositoryName("pulls"), "git.example:acme/docs", {}, {"refs/pull/*", "refs/tags/v1"}, true},
  });
  return kIndex;
}

void check_change(const RefChange& change) {
  require(change.ref.text().starts_with("refs/") && is_valid_ref(change.ref.text()),
          "a ref that changed is a full ref name");
  for (const auto& id : {change.before, change.after}) {
    require(!id || (!id->is_zero() && ObjectId::parse(id->hex()) == *id),
            "a commit is a full object id, and not the zeros of none");
  }
}

void check_delivery(const Delivery& delivery) {
  for (const RefChange& change : delivery.changes) {
    check_change(change);
  }
  require(!delivery.default_branch || is_valid_ref(delivery.default_branch->text()),
          "a default branch is a ref name");
  require(delivery.kind != Delivery::Kind::ignored || !delivery.reason.empty(),
          "what is ignored is so for a reason");
  const auto nothing_known = [](const RepositoryName&) { return std::optional<RefName>(); };
  for (const auto& route :
       {std::optional<RepositoryName>(), std::optional(RepositoryName("all"))}) {
    const webhook::Decision decision =
        webhook::decide(delivery, route, index(), nothing_known, "id", WallTime{});
    require((decision.verdict == webhook::Verdict::accepted) == !decision.triggers.empty(),
            "what is accepted is refreshed, and nothing else is");
    for (const Trigger& trigger : decision.triggers) {
      require(index().find(trigger.repository) != nullptr, "a repository of ours is refreshed");
      require(route || trigger.repository != RepositoryName("pulls"),
              "the general route does not reach a repository with secrets of its own");
    }
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  static const webhook::Forge& forge = *webhook::find_forge(FRESHET_FUZZ_FORGE);
  static const std::vector<std::string_view>& events = events_of(FRESHET_FUZZ_FORGE);
  Input input(data, size);
  const std::string_view event = events[input.choice(events.size())];
  const auto delivery = webhook::read_delivery(forge, event, input.rest());
  if (delivery) {
    check_delivery(*delivery);
  } else {
    require(delivery.error().error_class == ErrorClass::protocol, "it is the sender's mistake");
  }
  return 0;
}
