#include "sync/syncer.h"

#include <algorithm>
#include <exception>

#include "base/files.h"
#include "base/log.h"
#include "checkout/slot_directory.h"
#include "mirror/care.h"
#include "sync/mirror_update.h"
#include "sync/publishing.h"
#include "sync/ref_selection.h"
#include "sync/refresh.h"
#include "sync/upkeep.h"

namespace freshet::sync {
namespace {

bool still_published(const std::vector<CheckoutStatus>& checkouts) {
  return std::all_of(checkouts.begin(), checkouts.end(), [](const CheckoutStatus& checkout) {
    const auto current = checkout::read_current(checkout.path);
    return current && current->commit == checkout.commit;
  });
}

void note_lag(Refresh& run, const mirror::Mirror& mirror) {
  const auto was = [&](const RefName& ref, const ObjectId& commit) {
    const auto earlier = run.earlier.find(ref);
    return mirror.has_been_at(
        ref, commit, earlier == run.earlier.end() ? std::nullopt : std::optional(earlier->second));
  };
  run.outcome.lagging =
      still_lagging(run.job.announcements, {*run.spec, run.earlier, run.answer, was, wall_now()});
}

Result<void> bring_and_publish(Refresh& run, mirror::Mirror& mirror) {
  FRESHET_CHECK(bring_mirror_up_to(run, mirror));
  note_lag(run, mirror);
  return publish_checkouts(run, mirror);
}

std::string place_of_rebuild(const RepositorySpec& spec) {
  return spec.mirror + ".rebuild";
}

/// The published trees stay where they are; what is fetched anew takes the damaged mirror's place
/// once it is complete.
Result<void> rebuild(Refresh& run, mirror::Mirror damaged) {
  log::warning("mirror damaged, fetching it anew", {{"repository", run.spec->name.text()}});
  const std::string beside = place_of_rebuild(*run.spec);
  {
    FRESHET_TRY(mirror::Mirror fresh, mirror::Mirror::open_or_create(beside, run.world.git()));
    run.brought.clear();
    FRESHET_CHECK(bring_mirror_up_to(run, fresh));
    FRESHET_CHECK(mirror::replace(beside, damaged.path()));
    // libgit2 knows open packs by their paths: those of the damaged mirror must not stand for the
    // new ones, which often have the same names.
    const mirror::Mirror closed = std::move(damaged);
  }
  FRESHET_TRY(const mirror::Mirror mirror,
              mirror::Mirror::open_or_create(run.spec->mirror, run.world.git()));
  repair_linked_trees(run);
  note_lag(run, mirror);
  return publish_checkouts(run, mirror);
}

Result<void> refresh(Refresh& run) {
  for (const auto& checkout : run.spec->checkouts) {
    run.outcome.checkouts.push_back(checkout_status(checkout));
  }
  run.outcome.asked = false;
  FRESHET_CHECK(run.world.git().restore());
  FRESHET_TRY(mirror::Mirror mirror,
              mirror::Mirror::open_or_create(run.spec->mirror, run.world.git()));
  FRESHET_CHECK(mirror::end_replacement(place_of_rebuild(*run.spec), mirror.path()));
  run.upstream = run.world.connect(*run.spec);
  auto result = bring_and_publish(run, mirror);
  bool is_damaged = false;
  if (result) {
    is_damaged = take_care(run, mirror);
  } else if (result.error().error_class == ErrorClass::corrupt && !run.cancel.cancelled()) {
    // Either the upstream sent something bad, or what lies here is.
    repair_linked_trees(run);
    is_damaged = mirror::is_damaged(mirror.place(), run.cancel).value_or(false);
  }
  return is_damaged ? rebuild(run, std::move(mirror)) : result;
}

}  // namespace

Outcome Syncer::run(const Job& job, const CancelToken& cancel) {
  Outcome outcome;
  outcome.repository = job.repository;
  outcome.cause = job.cause;
  outcome.ticket = job.ticket;
  outcome.number = job.number;
  outcome.started = wall_now();
  Refresh run{job, cancel, world_, world_.find(job.repository), outcome, nullptr, {}, {}, {}, {}};
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
          // Where nothing ever changes a refresh still checks the mirror, or brings it back.
          done({*answer != seen->answer || !still_published(seen->checkouts) ||
                    mirror::check_is_due(seen->spec->mirror, wall_now()),
                std::nullopt});
        }
      });
}

}  // namespace freshet::sync
