#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "model/ids.h"

namespace freshet::checkout {

/// publish() for mode = "in_place": the path is a real directory, in which each file that differs
/// is replaced by a rename. Files that are not tracked stay; one that stands where a tracked one
/// has to go is error conflict, named, before anything is written. What was on the way when the
/// process was killed is completed by the next call.
Result<Published> publish_in_place(const CheckoutSpec& spec, const std::string& mirror_path,
                                   const ObjectId& commit, const CancelToken& cancel);

/// What the file beside the path says of it.
struct InPlaceState {
  std::optional<ObjectId> at;  ///< the commit that the tree shows
  std::vector<ObjectId> to;    ///< under way: any file may be of one of these already
  std::string beside;          ///< the name under which files are written before they are renamed
};
/// nullopt: nothing was ever published there in place.
std::optional<InPlaceState> read_in_place_state(const Layout& layout);
Result<void> write_in_place_state(const Layout& layout, const InPlaceState& state);
std::string in_place_state_file(const Layout& layout);
/// Whether an update of a tree in place has begun and has not come to its end. Takes no lock.
bool is_half_way(const CheckoutSpec& spec);

}  // namespace freshet::checkout
