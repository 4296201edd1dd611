#include "sync/syncer.h"

#include <algorithm>
#include <exception>
#include <set>

#include "checkout/slot_directory.h"

namespace freshet::sync {

struct Syncer::Refresh {
  const Job& job;
  const CancelToken& cancel;
  const RepositorySpec& spec;
  Outcome& outcome;
  remote::Advertisement answer;  ///< the upstream's newest
};

namespace {

/// Objects that are complete in the mirror because a ref of it points to them.
std::set<ObjectId> complete_objects(const std::map<RefName, ObjectId>& refs) {
  std::set<ObjectId> ids;
  for (const auto& [ref, id] : refs) {
    ids.insert(id);
  }
  return ids;
}

/// What the fetch answered counts more than what the listing said a moment before.
void adopt(remote::Advertisement& answer, const remote::FetchReport& report) {
  for (const auto& [ref, id] : report.refs) {
    if (ref == answer.default_branch) {
      answer.head = id;
    }
    if (const auto position = answer.refs.find(ref); position != answer.refs.end()) {
      position->second = id;
    }
  }
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

Outcome Syncer::run(const Job& job, const CancelToken& cancel) {
  Outcome outcome;
  outcome.repository = job.repository;
  outcome.cause = job.cause;
  outcome.ticket = job.ticket;
  outcome.started = wall_now();
  const auto spec = world_.find(job.repository);
  Result<void> result = fail(ErrorClass::not_found, "no repository of that name is configured");
  if (spec) {
    Refresh run{job, cancel, *spec, outcome, {}};
    try {
      result = refresh(run);
    } catch (const std::exception& exception) {
      result = fail(ErrorClass::internal, std::string("unexpected: ") + exception.what());
    }
  }
  if (!result) {
    outcome.result = RefreshResult::failed;
    outcome.error = result.error();
    outcome.cancelled = cancel.cancelled();
  }
  outcome.ended = wall_now();
  return outcome;
}

Result<void> Syncer::refresh(Refresh& run) {
  for (const auto& checkout : run.spec.checkouts) {
    run.outcome.checkouts.push_back(checkout_status(checkout));
  }
  FRESHET_TRY(mirror::Mirror mirror, mirror::Mirror::open_or_create(run.spec.mirror, world_.git()));
  FRESHET_CHECK(bring_mirror_up_to(run, mirror));
  run.outcome.lagging = still_lagging(run.job.announcements, run.spec, run.answer);
  return publish_checkouts(run, mirror);
}

Result<void> Syncer::bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror) {
  const auto upstream = world_.connect(run.spec);
  FRESHET_TRY(run.answer,
              upstream->list_refs(patterns_to_ask(run.spec),
                                  {run.spec.time_limit, run.spec.silence_limit}, run.cancel));
  run.outcome.default_branch = run.answer.default_branch;
  FRESHET_TRY(const auto in_mirror, mirror.refs());
  std::map<RefName, ObjectId> current = managed_refs(run.spec, in_mirror);
  Selection selection = select_refs(run.spec, run.answer);
  for (const auto& [ref, id] : selection.refs) {
    if (ref == pin_of(id)) {
      FRESHET_TRY(const auto pinned, mirror.find(ref));
      if (pinned) {
        current[ref] = *pinned;
      }
    }
  }

  remote::FetchRequest request;
  const std::set<ObjectId> complete = complete_objects(current);
  for (const auto& [ref, id] : selection.refs) {
    if (complete.count(id) == 0) {
      request.wants.push_back({ref == pin_of(id) ? RefName() : ref, id});
    }
  }
  if (!request.wants.empty()) {
    request.mirror = mirror.path();
    request.lock_descriptor = mirror.lock_descriptor();
    request.depth = run.spec.depth;
    request.limits = {in_mirror.empty() ? run.spec.first_time_limit : run.spec.time_limit,
                      run.spec.silence_limit};
    request.on_progress = [&](const remote::Progress& progress) {
      world_.progress(run.spec.name, progress);
    };
    run.outcome.fetched = true;
    FRESHET_CHECK(mirror.begin_work());
    FRESHET_TRY(const remote::FetchReport report, upstream->fetch(request, run.cancel));
    adopt(run.answer, report);
    selection = select_refs(run.spec, run.answer);
  }
  const mirror::RefChanges changes = mirror::plan_ref_changes(current, selection.refs);
  if (!changes.empty()) {
    FRESHET_CHECK(mirror.begin_work());
    FRESHET_CHECK(mirror.apply(changes));
    run.outcome.result = RefreshResult::updated;
  }
  FRESHET_TRY(const auto head, mirror.head());
  if (selection.head && head != selection.head) {
    FRESHET_CHECK(mirror.set_head(*selection.head));
  }
  mirror.end_work();
  return {};
}

Result<void> Syncer::publish_checkouts(Refresh& run, const mirror::Mirror& mirror) {
  Result<void> first_failure;
  for (std::size_t i = 0; i < run.spec.checkouts.size(); ++i) {
    CheckoutStatus& status = run.outcome.checkouts[i];
    auto published = publish_one(run, mirror, run.spec.checkouts[i], status);
    status.state = published ? CheckoutState::ok : CheckoutState::failing;
    if (!published && first_failure) {
      first_failure = std::move(published);
    }
  }
  return first_failure;
}

Result<void> Syncer::publish_one(Refresh& run, const mirror::Mirror& mirror,
                                 const checkout::CheckoutSpec& checkout, CheckoutStatus& status) {
  FRESHET_TRY(const Resolved resolved, resolve(checkout.ref, run.answer));
  FRESHET_TRY(const ObjectId commit, mirror.peel_to_commit(resolved.id));
  FRESHET_TRY(const checkout::Published published,
              checkout::publish(checkout, mirror.path(), commit, run.cancel));
  if (!published.changed) {
    return {};
  }
  status = checkout_status(checkout);
  run.outcome.result = RefreshResult::updated;
  world_.publications().published({run.spec.name, checkout.path,
                                   checkout::Layout(checkout.path).slot(commit), resolved.ref,
                                   published.old_commit, commit, run.job.cause});
  return {};
}

}  // namespace freshet::sync
