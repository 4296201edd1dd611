#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "mirror/update_ref.h"
#include "model/ids.h"

namespace freshet::mirror {

/// Makes the mirror keep the commits of one checkout's trees, whatever becomes of the branches:
/// they are what the next tree is compared with. Refs below refs/freshet/slots/, one directory for
/// each checkout, by a name made of its path; hidden from clones. Those of other commits go, and
/// what a mirror that was fetched anew lacks gets none: a ref to nothing would have it count as
/// damaged. Not synced: a lost one costs time, and nothing else. Not while another thread works on
/// the same checkout.
Result<void> keep_slot_commits(const std::string& mirror, const std::string& checkout_path,
                               const std::set<ObjectId>& commits);

/// One of them: what it is called, in two parts.
struct SlotFile {
  std::string checkout;
  std::string commit;
};

/// Those that are files, as all are that are wanted; and makes files of them again where packing
/// refs has taken these away.
Result<std::vector<SlotFile>> slot_files(const std::string& mirror);
Result<void> restore_slot_files(const std::string& mirror, const std::vector<SlotFile>& files);

/// Forgets those of them that were packed, as by a `git gc` by hand, and that have gone since.
/// Under the mirror's lock.
Result<void> forget_packed_slot_refs(const GitPlace& place);

}  // namespace freshet::mirror
