#include "sync/syncer.h"

#include <algorithm>
#include <exception>
#include <future>
#include <iterator>
#include <set>

#include "base/files.h"
#include "base/log.h"
#include "checkout/slot_directory.h"
#include "checkout/unsupported.h"
#include "mirror/care.h"
#include "mirror/lost_refs.h"
#include "mirror/slot_refs.h"

namespace freshet::sync {

struct Syncer::Refresh {
  const Job& job;
  const CancelToken& cancel;
  std::shared_ptr<const RepositorySpec> spec;
  Outcome& outcome;
  std::shared_ptr<remote::Upstream> upstream;
  remote::Advertisement answer;  ///< the upstream's newest
  /// Objects that a fetch of this run made complete in the mirror.
  std::set<ObjectId> brought;
  std::map<RefName, ObjectId> earlier;  ///< the mirror's refs as they were
  std::map<RefName, ObjectId> tags;     ///< that came along with what was fetched
  bool found_damage = false;            ///< by the scheduled check
};

namespace {

using Wants = std::vector<remote::FetchRequest::Want>;

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

std::vector<ObjectId> tips_of(const std::map<RefName, ObjectId>& refs) {
  std::set<ObjectId> tips;
  for (const auto& [ref, id] : refs) {
    tips.insert(id);
  }
  return {tips.begin(), tips.end()};
}

bool still_published(const std::vector<CheckoutStatus>& checkouts) {
  return std::all_of(checkouts.begin(), checkouts.end(), [](const CheckoutStatus& checkout) {
    const auto current = checkout::read_current(checkout.path);
    return current && current->commit == checkout.commit;
  });
}

remote::TimeLimits probe_limits(const RepositorySpec& spec) {
  return {std::min(spec.time_limit, 4 * spec.silence_limit), spec.silence_limit};
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
  Refresh run{job, cancel, world_.find(job.repository), outcome, nullptr, {}, {}, {}, {}, false};
  Result<void> result = fail(ErrorClass::not_found, "no repository of that name is configured");
  if (run.spec) {
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
  remember(run, result.has_value());
  outcome.ended = wall_now();
  return outcome;
}

void Syncer::remember(const Refresh& run, bool succeeded) {
  std::shared_ptr<const Seen> seen;
  if (succeeded && run.outcome.lagging.empty()) {
    seen = std::make_shared<const Seen>(Seen{run.spec, run.answer, run.outcome.checkouts});
  }
  const MutexLock lock(mutex_);
  if (seen) {
    seen_[run.job.repository] = std::move(seen);
  } else {
    seen_.erase(run.job.repository);
  }
}

void Syncer::probe(const Job& job, const CancelToken& cancel,
                   std::function<void(const ProbeAnswer&)> done) {
  const auto spec = world_.find(job.repository);
  std::shared_ptr<const Seen> seen;
  {
    const MutexLock lock(mutex_);
    if (const auto position = seen_.find(job.repository); position != seen_.end()) {
      seen = position->second;
    }
  }
  const auto upstream = spec && seen && seen->spec == spec ? world_.connect(*spec) : nullptr;
  if (!upstream || !upstream->lists_without_blocking()) {
    done({true, std::nullopt});  // nothing to compare with: a refresh finds out
    return;
  }
  upstream->list_refs_async(
      patterns_to_ask(*spec), probe_limits(*spec), cancel,
      // The upstream has to live until it has answered.
      [upstream, seen, done = std::move(done)](const Result<remote::Advertisement>& answer) {
        if (!answer) {
          done({false, answer.error()});
        } else {
          done({*answer != seen->answer || !still_published(seen->checkouts), std::nullopt});
        }
      });
}

Result<void> Syncer::refresh(Refresh& run) {
  for (const auto& checkout : run.spec->checkouts) {
    run.outcome.checkouts.push_back(checkout_status(checkout));
  }
  run.outcome.asked = false;
  FRESHET_TRY(mirror::Mirror mirror,
              mirror::Mirror::open_or_create(run.spec->mirror, world_.git()));
  run.upstream = world_.connect(*run.spec);
  auto result = refresh_in(run, mirror);
  if (run.found_damage) {
    return rebuild(run, std::move(mirror));
  }
  if (result || result.error().error_class != ErrorClass::corrupt || run.cancel.cancelled()) {
    return result;
  }
  // Either the upstream sent something bad, or what lies here is.
  const auto damaged = mirror::is_damaged(mirror.place(), run.cancel);
  return damaged && *damaged ? rebuild(run, std::move(mirror)) : result;
}

void Syncer::note_lag(Refresh& run, const mirror::Mirror& mirror) {
  run.outcome.lagging = still_lagging(
      run.job.announcements, {*run.spec, run.earlier, run.answer,
                              [&](const ObjectId& id) { return mirror.has(id); }, wall_now()});
}

Result<void> Syncer::refresh_in(Refresh& run, mirror::Mirror& mirror) {
  FRESHET_CHECK(bring_mirror_up_to(run, mirror));
  note_lag(run, mirror);
  FRESHET_CHECK(publish_checkouts(run, mirror));
  take_care(run, mirror);
  return {};
}

/// The published trees stay where they are; what is fetched anew takes the damaged mirror's place
/// once it is complete.
Result<void> Syncer::rebuild(Refresh& run, mirror::Mirror damaged) {
  log::warning("mirror damaged, fetching it anew", {{"repository", run.spec->name.text()}});
  const std::string beside = run.spec->mirror + ".rebuild";
  FRESHET_CHECK(remove_tree(beside));
  {
    FRESHET_TRY(mirror::Mirror fresh, mirror::Mirror::open_or_create(beside, world_.git()));
    run.brought.clear();
    FRESHET_CHECK(bring_mirror_up_to(run, fresh));
    FRESHET_CHECK(mirror::replace(beside, damaged.path()));
  }
  FRESHET_TRY(const mirror::Mirror mirror,
              mirror::Mirror::open_or_create(run.spec->mirror, world_.git()));
  note_lag(run, mirror);
  return publish_checkouts(run, mirror);
}

Result<void> Syncer::bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror) {
  FRESHET_TRY(const auto in_mirror, mirror.refs());
  const bool is_first = in_mirror.empty();
  std::map<RefName, ObjectId> current = managed_refs(*run.spec, in_mirror);
  run.earlier = current;
  for (const auto& [ref, id] : current) {
    run.brought.insert(id);  // what a ref of ours points to is complete
  }
  run.outcome.asked = true;
  Wants announced;
  for (const ObjectId& id : announced_commits(run.job.announcements, *run.spec, current)) {
    announced.push_back({RefName(), id});
  }
  // Asked for a second time, an upstream that lags has to show the ref first.
  const bool first_try = run.job.cause == Cause::delivery || run.job.cause == Cause::manual;
  if (first_try && !announced.empty() && !is_first && run.upstream->lists_without_blocking()) {
    // Both leave at once: one round trip from the delivery to the objects.
    const auto promise = std::make_shared<std::promise<Result<remote::Advertisement>>>();
    auto answer = promise->get_future();
    run.upstream->list_refs_async(
        patterns_to_ask(*run.spec), probe_limits(*run.spec), run.cancel,
        [promise](Result<remote::Advertisement> listed) { promise->set_value(std::move(listed)); });
    // What was announced may be gone again, or not be there yet: the listing decides.
    static_cast<void>(fetch(run, mirror, announced, is_first));
    FRESHET_TRY(run.answer, answer.get());
  } else {
    FRESHET_TRY(run.answer, run.upstream->list_refs(patterns_to_ask(*run.spec),
                                                    probe_limits(*run.spec), run.cancel));
  }
  run.outcome.default_branch = run.answer.default_branch;
  Selection selection = select_refs(*run.spec, run.answer);
  if (!run.job.accept_loss && mirror::loses_too_much(current, selection.refs)) {
    run.outcome.held = true;
    return fail(ErrorClass::conflict,
                "the upstream no longer has most of the refs that are followed; nothing was "
                "changed. If that is right: freshet refresh " +
                    run.spec->name.text() + " --accept-loss");
  }
  Wants wants;
  for (const auto& [ref, id] : selection.refs) {
    if (ref == pin_of(id)) {
      FRESHET_TRY(const auto pinned, mirror.find(ref));
      if (pinned) {
        current[ref] = *pinned;
        run.brought.insert(*pinned);
      }
    }
    if (run.brought.count(id) == 0) {
      wants.push_back({ref == pin_of(id) ? RefName() : ref, id});
    }
  }
  if (!wants.empty()) {
    FRESHET_CHECK(fetch(run, mirror, std::move(wants), is_first));
    selection = select_refs(*run.spec, run.answer);
  }
  return move_refs(run, mirror, selection, current);
}

Result<void> Syncer::fetch(Refresh& run, mirror::Mirror& mirror, Wants wants, bool is_first) {
  remote::FetchRequest request;
  request.mirror = mirror.path();
  request.lock_descriptor = mirror.lock_descriptor();
  request.wants = std::move(wants);
  request.haves = mirror.haves(tips_of(run.earlier));
  request.depth = run.spec->depth;
  request.follow_tags = true;
  request.largest_pack = run.spec->largest_pack;
  request.min_free_disk = run.spec->min_free_disk;
  request.check_connected = [&](const std::vector<ObjectId>& tips) {
    std::vector<ObjectId> known = tips_of(run.earlier);
    known.insert(known.end(), request.haves.begin(), request.haves.end());
    return mirror.prove_connected(tips, known);
  };
  request.find_objects = [&](const std::vector<ObjectId>& ids) -> Result<std::set<ObjectId>> {
    std::set<ObjectId> found;
    std::copy_if(ids.begin(), ids.end(), std::inserter(found, found.end()),
                 [&](const ObjectId& id) { return mirror.has(id); });
    return found;
  };
  request.limits = {is_first ? run.spec->first_time_limit : run.spec->time_limit,
                    run.spec->silence_limit};
  request.on_progress = [&](const remote::Progress& progress) {
    world_.progress(run.spec->name, progress);
  };
  run.outcome.fetched = true;
  FRESHET_CHECK(mirror.begin_work());
  FRESHET_TRY(const remote::FetchReport report, run.upstream->fetch(request, run.cancel));
  for (const auto& want : request.wants) {
    run.brought.insert(want.id);
  }
  run.outcome.fetched_bytes += report.received_bytes;
  run.tags.insert(report.tags.begin(), report.tags.end());
  adopt(run.answer, report);
  return {};
}

Result<void> Syncer::move_refs(Refresh& run, mirror::Mirror& mirror, const Selection& selection,
                               const std::map<RefName, ObjectId>& current) {
  mirror::RefChanges changes = mirror::plan_ref_changes(current, selection.refs);
  for (const auto& [ref, id] : run.tags) {
    FRESHET_TRY(const auto known, mirror.find(ref));
    if (!known && selection.refs.count(ref) == 0) {  // one that is there is never moved
      changes.set.emplace(ref, id);
    }
  }
  if (!changes.empty()) {
    FRESHET_TRY(changes.keep, mirror::lost_tips(
                                  current, changes,
                                  [&](const ObjectId& old_id, const ObjectId& new_id) {
                                    return mirror.is_ancestor(old_id, new_id);
                                  },
                                  wall_now()));
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

Result<void> Syncer::publish_one(Refresh& run, const mirror::Mirror& mirror,
                                 const checkout::CheckoutSpec& checkout, CheckoutStatus& status) {
  FRESHET_TRY(const Resolved resolved, resolve(checkout.ref, run.answer));
  FRESHET_TRY(const ObjectId commit, mirror.peel_to_commit(resolved.id));
  const std::string tree =
      checkout.mode == "in_place" ? checkout.path : checkout::Layout(checkout.path).slot(commit);
  // A commit that no ref is followed for is called by its own name.
  const RefName ref =
      resolved.ref == pin_of(resolved.id) ? RefName(resolved.id.hex()) : resolved.ref;
  Publication publication{run.spec->name, checkout.path, tree,         ref,
                          status.commit,  commit,        run.job.cause};
  PublicationGate* const gate = world_.gate();
  checkout::TreeCheck check;
  if (gate != nullptr && status.commit != commit) {
    FRESHET_CHECK(gate->admit(publication));
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
  world_.publications().published(publication);
  return {};
}

/// What can wait until everybody has been served. A failure here is no failure of the refresh.
void Syncer::take_care(Refresh& run, mirror::Mirror& mirror) {
  if (run.outcome.result == RefreshResult::updated) {
    if (const auto packed = mirror::pack_up(mirror.place(), run.cancel); !packed) {
      log::warning("packs not put together",
                   {{"repository", run.spec->name.text()}, {"error", packed.error().message}});
    }
    const auto lost = mirror.lost_refs();
    const auto expired = lost ? mirror::expired_lost(*lost, wall_now()) : std::vector<RefName>();
    if (!expired.empty()) {
      static_cast<void>(mirror.forget_lost(expired));
    }
    static_cast<void>(mirror::forget_packed_slot_refs(mirror.place()));
  }
  if (run.job.cause != Cause::poll || !mirror::check_is_due(mirror.path(), wall_now())) {
    return;
  }
  const auto damaged = mirror::is_damaged(mirror.place(), run.cancel);
  if (damaged) {
    mirror::note_checked(mirror.path());
  }
  run.found_damage = damaged && *damaged;
}

}  // namespace freshet::sync
