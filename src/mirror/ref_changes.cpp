#include <set>
#include <string_view>

#include "mirror/mirror.h"

namespace freshet::mirror {
namespace {

/// Calls `visit` with "refs" and "refs/heads" for "refs/heads/a".
template <class Visit>
void for_each_parent(std::string_view ref, Visit visit) {
  for (std::size_t slash = ref.find('/'); slash != std::string_view::npos;
       slash = ref.find('/', slash + 1)) {
    visit(ref.substr(0, slash));
  }
}

/// Which names cannot exist beside those of `set`, since a ref is a file and its parents are
/// directories.
class Obstacles {
 public:
  explicit Obstacles(const std::map<RefName, ObjectId>& set) {
    for (const auto& [ref, id] : set) {
      names_.insert(ref.text());
      for_each_parent(ref.text(), [&](std::string_view parent) { parents_.insert(parent); });
    }
  }

  bool include(const RefName& ref) const {
    bool is_below_a_name = false;
    for_each_parent(ref.text(), [&](std::string_view parent) {
      is_below_a_name = is_below_a_name || names_.count(parent) != 0;
    });
    return is_below_a_name || parents_.count(ref.text()) != 0;
  }

 private:
  std::set<std::string_view> names_;    // of the keys of `set`
  std::set<std::string_view> parents_;  // likewise
};

}  // namespace

RefChanges plan_ref_changes(const std::map<RefName, ObjectId>& current,
                            const std::map<RefName, ObjectId>& wanted) {
  RefChanges changes;
  for (const auto& [ref, id] : wanted) {
    const auto position = current.find(ref);
    if (position == current.end() || position->second != id) {
      changes.set.emplace(ref, id);
    }
  }
  const Obstacles obstacles(changes.set);
  for (const auto& [ref, id] : current) {
    if (wanted.count(ref) == 0) {
      (obstacles.include(ref) ? changes.clear_first : changes.delete_last).push_back(ref);
    }
  }
  return changes;
}

}  // namespace freshet::mirror
