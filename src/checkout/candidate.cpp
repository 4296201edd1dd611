#include "checkout/candidate.h"

#include "base/files.h"
#include "checkout/building_place.h"
#include "checkout/slot_builder.h"
#include "checkout/slot_directory.h"
#include "checkout/tree_diff.h"
#include "checkout/tree_writer.h"

namespace freshet::checkout {

Result<void> check_candidate(const CheckoutSpec& spec, const std::string& mirror_path,
                             const ObjectId& commit, const CancelToken& cancel,
                             const TreeCheck& check) {
  FRESHET_TRY(const auto group, find_group(spec.group));
  FRESHET_TRY(const TreePlan plan, plan_tree(mirror_path, std::nullopt, commit));
  FRESHET_TRY(const SlotDirectory slots, SlotDirectory::claim_beside(spec.path));
  // Always the same name: the next one removes what a crash left.
  const BuildingPlace place(slots.layout(), slots.layout().directory + "/tmp.candidate");
  FRESHET_CHECK(remove_tree(place.path()));
  FRESHET_CHECK(make_directories(place.path()));
  const WriteTarget target{place.path(), group, "", spec.min_free_disk};
  FRESHET_CHECK(write_tree(mirror_path, commit, plan, target, cancel));
  return check(place.path());
}

}  // namespace freshet::checkout
