#include "sync/upkeep.h"

#include "base/log.h"
#include "checkout/worktree_repair.h"
#include "mirror/care.h"
#include "mirror/lost_refs.h"
#include "mirror/slot_refs.h"

namespace freshet::sync {
namespace {

/// Nobody waits for a poll. Where there is none for so long the others have to do it, all but those
/// of a start, which are many at once.
bool check_is_due(const Refresh& run) {
  const WallTime now = wall_now();
  return run.job.cause == Cause::poll
             ? mirror::check_is_due(run.spec->mirror, now)
             : run.job.cause != Cause::start &&
                   mirror::check_is_due(run.spec->mirror, now - mirror::kCheckEvery);
}

}  // namespace

void repair_linked_trees(const Refresh& run) {
  const std::string& mirror = run.spec->mirror;
  const auto tell = [&](const Result<void>& repaired) {
    if (!repaired) {
      log::warning("the linked trees of a mirror are not looked through",
                   {{"repository", run.spec->name.text()}, {"error", repaired.error().message}});
    }
    return repaired.has_value();
  };
  bool all = true;
  for (const auto& checkout : run.spec->checkouts) {
    all = tell(checkout::repair_worktrees(checkout, mirror)) && all;
  }
  if (all) {
    static_cast<void>(tell(checkout::remove_broken_worktrees(mirror)));
  }
}

bool take_care(const Refresh& run, mirror::Mirror& mirror) {
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
    if (const auto packed = mirror::pack_refs(mirror.place(), run.cancel); !packed) {
      log::warning("refs not put together",
                   {{"repository", run.spec->name.text()}, {"error", packed.error().message}});
    }
    static_cast<void>(mirror::forget_packed_slot_refs(mirror.place()));
  }
  mirror::note_new(mirror.path());
  if (!check_is_due(run)) {
    return false;
  }
  repair_linked_trees(run);
  const auto damaged = mirror::is_damaged(mirror.place(), run.cancel);
  if (damaged && !*damaged) {  // a damaged one stays due until it is replaced
    mirror::note_checked(mirror.path());
  }
  return damaged && *damaged;
}

}  // namespace freshet::sync
