#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "checkout/publisher.h"
#include "model/ids.h"

namespace freshet::checkout {

// Drift: what somebody changed in a published tree since it was written. Files that are not tracked
// are nobody's drift.

enum class DriftCheck {
  quick,  ///< content is read where the file system's view of a file differs from what is recorded
  full,   ///< all content is read
};

/// The tracked paths of the published tree that are not as `commit`, which is published there, has
/// them: type, mode, content, where a link leads. Without git = true nothing is recorded, so that
/// every check is a full one. Error conflict: another commit was published meanwhile, or cancelled.
/// Reads only.
Result<std::vector<std::string>> find_drift(const CheckoutSpec& spec,
                                            const std::string& mirror_path, const ObjectId& commit,
                                            DriftCheck check, const CancelToken& cancel);

/// Writes these paths anew where they are not as they have to be: in every tree of the checkout,
/// because trees share files by hard links. Readers see the changed file or the right one. Error
/// conflict: in place, something that is not freshet's stands in the way.
Result<void> repair_drift(const CheckoutSpec& spec, const std::string& mirror_path,
                          const std::vector<std::string>& paths, const CancelToken& cancel);

/// Both at once for what is published now, with a quick look; the log says what was changed.
/// Returned is in how many files. nullopt: there was no look, since nothing is published, another
/// commit was meanwhile, or it was cancelled.
Result<std::optional<std::size_t>> mend_drift(const CheckoutSpec& spec,
                                              const std::string& mirror_path,
                                              const CancelToken& cancel);

/// When the checkout has to be looked through again: a day after the last time.
WallTime drift_check_due(const CheckoutSpec& spec, WallTime now);

}  // namespace freshet::checkout
