#include "sync/publishing.h"

#include "base/log.h"
#include "checkout/slot_directory.h"
#include "checkout/unsupported.h"
#include "sync/ref_selection.h"

namespace freshet::sync {
namespace {

Result<void> publish_one(Refresh& run, const mirror::Mirror& mirror,
                         const checkout::CheckoutSpec& checkout, CheckoutStatus& status) {
  FRESHET_TRY(const Resolved resolved, resolve(checkout.ref, run.answer));
  FRESHET_TRY(const ObjectId commit, mirror.peel_to_commit(resolved.id));
  const std::string tree =
      checkout.mode == "in_place" ? checkout.path : checkout::Layout(checkout.path).slot(commit);
  // A commit that no ref is followed for is called by its own name.
  const RefName ref =
      resolved.ref == pin_of(resolved.id) ? RefName(resolved.id.hex()) : resolved.ref;
  Publication publication{run.spec->name, checkout.path, tree,          ref,
                          status.commit,  commit,        run.job.cause, run.job.number};
  PublicationGate* const gate = run.world.gate();
  checkout::TreeCheck check;
  const bool is_new = gate != nullptr && status.commit != commit;
  FRESHET_TRY(const bool is_judged, is_new ? gate->admit(publication) : Result<bool>(false));
  if (is_judged) {
    check = [&](const std::string& candidate) {
      publication.tree = candidate;
      return gate->judge(publication, run.cancel);
    };
  }
  FRESHET_TRY(const checkout::Published published,
              checkout::publish(checkout, mirror.path(), commit, run.cancel, check));
  status = checkout_status(checkout);
  status.unsupported = checkout::unsupported_in(mirror.path(), commit);
  if (!published.changed) {
    return {};
  }
  for (const std::string& what : status.unsupported) {
    log::info("published in another way than git would",
              {{"repository", run.spec->name.text()}, {"path", checkout.path}, {"what", what}});
  }
  run.outcome.result = RefreshResult::updated;
  publication.tree = tree;
  publication.old_commit = published.old_commit;
  run.world.publications().published(publication);
  return {};
}

}  // namespace

CheckoutStatus checkout_status(const checkout::CheckoutSpec& checkout) {
  CheckoutStatus status{checkout.path, checkout.ref, checkout.mode, {}, {}, CheckoutState::pending};
  if (const auto current = checkout::read_current(checkout.path)) {
    status.commit = current->commit;
    status.published_at = current->switched_at;
  }
  return status;
}

Result<void> publish_checkouts(Refresh& run, const mirror::Mirror& mirror) {
  Result<void> first_failure;
  for (std::size_t i = 0; i < run.spec->checkouts.size(); ++i) {
    CheckoutStatus& status = run.outcome.checkouts[i];
    auto published = publish_one(run, mirror, run.spec->checkouts[i], status);
    status.state = published ? CheckoutState::ok : CheckoutState::failing;
    if (!published && first_failure) {
      first_failure = std::move(published);
    }
  }
  return first_failure;
}

}  // namespace freshet::sync
