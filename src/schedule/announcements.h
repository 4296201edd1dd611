#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/job.h"
#include "model/outcome.h"
#include "model/trigger.h"

namespace freshet::schedule {

/// Beyond so many of one repository the older half goes: it says nothing that the newer ones do
/// not, for all of them ask for the refs as they are when the refresh begins.
constexpr std::size_t kMostAnnouncements = 512;

/// Puts `more` behind `list`. Returned are the journal ids of those that went.
std::vector<std::uint64_t> append(std::vector<Announcement>& list,
                                  const std::vector<Announcement>& more);

/// What was announced to the job and has to be carried into the next refresh: everything when it
/// failed or was cancelled, else what the upstream did not serve yet.
std::vector<Announcement> still_open(const std::vector<Announcement>& announced,
                                     const Outcome& outcome);

/// Those of `all` that are not in `open`.
std::vector<Announcement> without(const std::vector<Announcement>& all,
                                  const std::vector<Announcement>& open);

/// What a job's refresh served.
std::vector<Announcement> served_by(const Job& job, const Outcome& outcome);

std::vector<std::uint64_t> journal_ids(const std::vector<Announcement>& announcements);

}  // namespace freshet::schedule
