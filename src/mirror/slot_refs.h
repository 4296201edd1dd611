#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "mirror/update_ref.h"
#include "model/ids.h"

namespace freshet::mirror {

/// Makes the mirror keep the commits of one checkout's trees, whatever becomes of the branches:
/// they are what the next tree is compared with. Refs below refs/freshet/slots/, one directory for
/// each checkout, by a name made of its path; hidden from clones. Those of other commits go. Not
/// synced: a lost one costs time, and nothing else. Not while another thread works on the same
/// checkout.
Result<void> keep_slot_commits(const std::string& mirror, const std::string& checkout_path,
                               const std::set<ObjectId>& commits);

/// Forgets those of them that a `git gc` by hand packed and that have gone since. Under the
/// mirror's lock.
Result<void> forget_packed_slot_refs(const GitPlace& place);

}  // namespace freshet::mirror
