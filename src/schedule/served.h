#pragma once

#include <vector>

#include "model/job.h"
#include "model/outcome.h"
#include "model/trigger.h"

namespace freshet::schedule {

/// What was announced to the job and has to be carried into the next refresh: everything when it
/// failed or was cancelled, else what the upstream did not serve yet.
std::vector<Announcement> still_open(const std::vector<Announcement>& announced,
                                     const Outcome& outcome);

/// The rest of it.
std::vector<Announcement> served_by(const Job& job, const Outcome& outcome);

}  // namespace freshet::schedule
