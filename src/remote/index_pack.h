#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/git_environment.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "remote/upstream.h"

namespace freshet::remote {

struct IndexPackSpec {
  std::string mirror;                  ///< the bare repository that takes the pack
  int lock_descriptor = -1;            ///< of its lock, for the child to hold
  std::string shallow_file;            ///< in place of the mirror's own; empty: that one
  std::uint64_t largest_pack = 0;      ///< bytes; 0: no limit
  std::uint64_t memory_limit = 0;      ///< bytes; 0: none
  std::optional<Duration> time_limit;  ///< of the whole
  std::function<void(const Progress&)> on_progress;  ///< may be empty; called by the same thread
};

struct IndexedPack {
  std::string name;             ///< hexadecimal: objects/pack/pack-NAME.pack
  bool self_contained = false;  ///< its objects lead to nothing outside of it
};

/// Runs `git index-pack` over what comes out of `pack`, the reading end of a pipe that blocks, and
/// closes it when the child has ended. On success the pack is in the mirror; each of its objects is
/// sound and what it links to is in the mirror too. On failure nothing of it is left. Error
/// classes: corrupt (also: a pack that ends early), no_space, config (too large), timeout, conflict
/// (cancelled), internal. Requires that nobody else brings packs into the mirror meanwhile. Blocks.
Result<IndexedPack> run_index_pack(const IndexPackSpec& spec, const GitEnvironment& environment,
                                   UniqueFd pack, const CancelToken& cancel);

/// Whether the index of a pack that run_index_pack() brought names the object. False, too, when the
/// index cannot be read.
bool pack_contains(const std::string& mirror, const IndexedPack& pack, const ObjectId& id);

}  // namespace freshet::remote
