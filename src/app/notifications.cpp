#include "app/notifications.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "app/specs.h"
#include "base/log.h"
#include "checkout/slot_directory.h"
#include "mirror/history.h"
#include "sync/ref_selection.h"

namespace freshet::app {
namespace {

/// More than anybody reads; a message stays within some megabytes.
constexpr std::size_t kMostPaths = 100'000;

/// What the service manager and whoever started freshet mean for freshet itself.
constexpr std::array<std::string_view, 7> kOwn{
    "FRESHET_",        "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY=",
    "JOURNAL_STREAM=", "LD_PRELOAD="};

/// Commands are the operator's own: they find what a service of the operator's finds.
std::vector<std::string> environment_of_commands() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    if (std::none_of(kOwn.begin(), kOwn.end(),
                     [&](std::string_view own) { return variable.starts_with(own); })) {
      variables.emplace_back(variable);
    }
  }
  return variables;
}

/// The ref that a checkout's tree was published from, as far as the mirror can tell.
RefName published_ref(const sync::RepositorySpec& spec, const checkout::CheckoutSpec& checkout,
                      const ObjectId& commit) {
  const sync::RefChoice choice = sync::parse_ref_choice(checkout.ref);
  if (choice.commit) {
    return sync::pin_of(*choice.commit);
  }
  const auto ref = choice.default_branch ? mirror::head_of(spec.mirror)
                                         : mirror::first_of(spec.mirror, choice.candidates);
  return ref && *ref ? **ref : sync::pin_of(commit);
}

std::string tree_of(const checkout::CheckoutSpec& checkout, const ObjectId& commit) {
  return checkout.mode == "in_place" ? checkout.path : checkout::Layout(checkout.path).slot(commit);
}

}  // namespace

Notifications::Notifications(CatalogueHolder& catalogue, remote::HttpClient& http)
    : catalogue_(catalogue),
      http_(http),
      environment_(environment_of_commands()),
      gatekeeper_(*this, StateLayout(catalogue.get()->settings.state_dir).gates),
      notifier_(*this, StateLayout(catalogue.get()->settings.state_dir).notify) {}

void Notifications::follow(const Catalogue& catalogue, const RepositoryName& name) {
  const auto configured = actions(*catalogue.repositories.at(name));
  if (configured.empty()) {
    return;
  }
  const sync::RepositorySpec& spec = *catalogue.specs.at(name);
  for (const checkout::CheckoutSpec& checkout : spec.checkouts) {
    notifier_.follow(name, checkout.path, configured);
    if (const auto current = checkout::read_current(checkout.path)) {
      notifier_.found({name, checkout.path, tree_of(checkout, current->commit),
                       published_ref(spec, checkout, current->commit), std::nullopt,
                       current->commit, Cause::start});
    }
  }
}

void Notifications::keep_only(const Catalogue& catalogue) {
  std::set<std::pair<RepositoryName, notify::Plan::Key>> configured;
  for (const auto& [name, repository] : catalogue.repositories) {
    for (const notify::Action& action : actions(*repository)) {
      for (const config::Checkout& checkout : repository->checkouts) {
        configured.emplace(name, notify::Plan::Key{checkout.path, action.id()});
      }
    }
  }
  notifier_.keep_only([&](const RepositoryName& name, const notify::Plan::Key& key) {
    return configured.count({name, key}) > 0;
  });
}

std::vector<notify::Gate> Notifications::gates_of(const RepositoryName& name) {
  const auto catalogue = catalogue_.get();
  const auto repository = catalogue->repositories.find(name);
  return repository != catalogue->repositories.end() ? gates(*repository->second)
                                                     : std::vector<notify::Gate>();
}

ChangedPaths Notifications::changed_paths(const Publication& publication) {
  const auto spec = catalogue_.get()->find(publication.repository);
  if (!spec) {
    return {{}, true};
  }
  auto changed = mirror::changed_paths(spec->mirror, publication.old_commit, publication.new_commit,
                                       kMostPaths);
  if (!changed && publication.old_commit) {
    // The old commit may be gone from a history that was rewritten: anything may have changed.
    changed = mirror::changed_paths(spec->mirror, std::nullopt, publication.new_commit, kMostPaths);
  }
  if (!changed) {
    log::warning("changed paths not known", {{"repository", publication.repository.text()},
                                             {"error", changed.error().message}});
    return {{}, true};
  }
  return std::move(*changed);
}

Result<void> Notifications::post(const notify::Notifier::Request& request,
                                 const CancelToken& cancel) {
  remote::HttpRequest http;
  http.method = "POST";
  http.url = request.url;
  http.headers = request.headers;
  http.body = request.body;
  FRESHET_TRY(const remote::HttpReply reply, http_.send(http, {request.timeout, {}}, cancel));
  if (reply.status / 100 != 2) {
    return fail(Error{ErrorClass::protocol, "the answer was " + std::to_string(reply.status),
                      reply.retry_after});
  }
  return {};
}

Result<UniqueFd> Notifications::hold(const std::string& tree) {
  return checkout::hold_tree(tree);
}

}  // namespace freshet::app
