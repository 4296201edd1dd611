#pragma once

#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "mirror/update_ref.h"

namespace freshet::mirror {

// What keeps a mirror well over the years. All of it under the mirror's lock, by git children at
// low priority.

/// Puts small packs together once there are many; does nothing otherwise. Never removes an object.
Result<void> pack_up(const GitPlace& place, const CancelToken& cancel);

/// Puts refs into one file once many of them have files of their own; does nothing otherwise.
Result<void> pack_refs(const GitPlace& place, const CancelToken& cancel);

/// Reads every object. True: something is damaged or missing. Error when the check could not be
/// made.
Result<bool> is_damaged(const GitPlace& place, const CancelToken& cancel);

constexpr Duration kCheckEvery{std::chrono::hours(7 * 24)};

/// When the whole mirror was last checked, so that somebody does it again after kCheckEvery, or at
/// once where nothing is noted, as where no mirror is. Fetching a new one counts as a check:
/// note_new().
bool check_is_due(const std::string& mirror, WallTime now);
void note_checked(const std::string& mirror);
void note_new(const std::string& mirror);

/// Puts the repository at `fresh` in place of the one at `mirror`, whose linked trees it takes
/// over. The old one is removed.
Result<void> replace(const std::string& fresh, const std::string& mirror);

/// After a process that was killed while it made `fresh`, or replaced `mirror` by it: gives the
/// linked trees back and removes what lies at `fresh`, if anything.
Result<void> end_replacement(const std::string& fresh, const std::string& mirror);

}  // namespace freshet::mirror
