#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"

namespace freshet::checkout {

// How names in a slot directory begin; a complete tree that may be read has its commit's alone.
constexpr std::string_view kBuilding = "tmp.";
constexpr std::string_view kTrash = "trash.";
constexpr std::string_view kLink = "link.";
constexpr std::string_view kSpare = "spare.";
/// The note of a tree in place, half written (base/files.h: write_file_atomically).
constexpr std::string_view kHalfNote = "in_place.tmp.";

/// What interrupted work left.
bool is_leftover(const std::string& name);
/// Of "spare.COMMIT".
std::optional<ObjectId> commit_of_spare(const std::string& name);

/// What a sweep does. Pure, see plan_sweep.
struct SweepPlan {
  std::vector<std::string> remove;        ///< names in the slot directory
  std::vector<std::string> mark_retired;  ///< slots that nobody marked: their time starts now
  std::vector<ObjectId> reuse;            ///< slots that nobody reads any more: spares from now on
  std::optional<WallTime> next;           ///< when the next slot is due
};

/// A complete tree under its commit's hash stays while it is current or until `keep_old` after it
/// was replaced; then it is a spare, or goes when there are enough of them or one of the same
/// commit. Leftovers of interrupted work go at once. `retired` says since when, by name.
SweepPlan plan_sweep(const std::vector<std::string>& names,
                     const std::map<std::string, WallTime>& retired,
                     const std::optional<ObjectId>& current, WallTime now, Duration keep_old,
                     std::size_t most_spares);
/// One to take, and one that is there already when the next publication comes soon after.
constexpr std::size_t kSpares = 2;

}  // namespace freshet::checkout
